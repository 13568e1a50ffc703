// The chat, against the model of demo/ that knows shapes and words.
import {answerOf, check, checkAccessible, give, openPage, pick, same} from './support.mjs';

const CHAT = '/v1/chat/completions';

async function ask(page, question) {
  await page.getByRole('textbox', {name: /Question|Вопрос/}).fill(question);
  await page.keyboard.press('Enter');
}

/// The text of answer `i`, once it is whole.
async function answer(page, i = 0) {
  const turn = page.locator('.turn.model').nth(i);
  await turn.locator('.facts').waitFor();
  return (await turn.locator('.turn-body > .prose').innerText()).trim();
}

export const chatTests = {
  async 'describes a picture that is picked, and goes on'({browser, address, source}) {
    const page = await openPage(browser, address);
    await checkAccessible(page, 'empty chat');
    await pick(page, page.getByRole('button', {name: 'Pick pictures'}),
        [`${source}/demo/images/stars.png`]);
    await page.getByRole('button', {name: 'Describe it'}).click();
    same(await answer(page), 'Three yellow stars.');
    const facts = await page.locator('.facts').innerText();
    check(/^\d+ tokens · (.* tokens\/s · )?first word after/.test(facts), facts);
    await ask(page, 'Опиши это изображение.');
    same(await answer(page, 1), 'Три жёлтые звезды.');
    await checkAccessible(page, 'chat with answers');
    await page.locator('.turn.model').nth(1).getByRole('button', {name: 'Try again'}).click();
    await page.locator('.turn.model').nth(1).locator('.facts').waitFor();
    same(await page.locator('.turn.model').count(), 2);
    await page.locator('.turn.model').nth(0).getByRole('button', {name: 'Copy'}).click();
    same(await page.evaluate(() => navigator.clipboard.readText()), 'Three yellow stars.');
    await page.getByRole('button', {name: 'New chat'}).click();
    check(await page.getByText('What is in the picture?').isVisible(), 'no empty chat');
    return page;
  },

  async 'speaks Russian in a dark browser, with files dropped and pasted'(
      {browser, address, source}) {
    const page = await openPage(browser, address, {locale: 'ru-RU', colorScheme: 'dark'});
    same(await page.locator('html').getAttribute('data-theme'), 'dark');
    same(await page.locator('html').getAttribute('lang'), 'ru');
    await checkAccessible(page, 'empty chat, dark');
    const picture = (name) => ({name, type: 'image/png', path: `${source}/demo/images/${name}`});
    await give(page, 'drop', [picture('river.png')]);
    await give(page, 'paste', [picture('vishnya.png')]);
    same(await page.locator('.tray .tile').count(), 2);
    await page.getByRole('button', {name: 'Убрать vishnya.png'}).click();
    same(await page.locator('.tray .tile').count(), 1);
    await give(page, 'drop', [{name: 'a.txt', type: 'text/plain', text: 'words'}]);
    check((await page.getByRole('alert').innerText()).includes('a.txt — не картинка и не PDF'),
        'no error of a text file');
    await page.getByRole('button', {name: 'Описать'}).click();
    same(await answer(page), 'Слово «river».');
    await checkAccessible(page, 'chat, dark');
    return page;
  },

  async 'stops an answer and asks again after the connection has broken'(
      {browser, address, proxy}) {
    const page = await openPage(browser, address);
    const gone = proxy.instead(CHAT, 'hold');
    await ask(page, 'Describe this image.');
    await page.locator('.prose', {hasText: 'One'}).waitFor();
    await page.getByRole('button', {name: 'Stop'}).click();
    await gone;
    same(await answer(page), 'One');
    check((await page.locator('.facts').innerText()).includes('stopped'), 'not stopped');

    proxy.instead(CHAT, 'hold');
    await ask(page, 'And now?');
    await page.locator('.turn.model').nth(1).locator('.prose', {hasText: 'One'}).waitFor();
    proxy.cut();
    await page.getByText('The answer broke off.').waitFor();
    same((await page.locator('.turn.model').nth(1).locator('.prose').innerText()).trim(), 'One');
    await checkAccessible(page, 'an error');
    proxy.instead(CHAT, answerOf(['Whole', ' again']));
    await page.getByRole('button', {name: 'Try again'}).click();
    same(await answer(page, 1), 'Whole again');
    const asked = JSON.parse(proxy.body).messages.map((message) => message.content);
    same(asked, ['Describe this image.', 'One', 'And now?']);

    proxy.isDead = true;
    await ask(page, 'Still there?');
    await page.getByText('oko does not answer.').waitFor();
    proxy.isDead = false;
    return page;
  },

  async 'begins a new chat in the middle of an answer'({browser, address, proxy}) {
    const page = await openPage(browser, address);
    const gone = proxy.instead(CHAT, 'hold');
    await ask(page, 'Old?');
    await page.locator('.prose', {hasText: 'One'}).waitFor();
    await page.getByRole('button', {name: 'New chat'}).click();
    await gone;
    proxy.instead(CHAT, answerOf(['Two']));
    await ask(page, 'New?');
    same(await answer(page), 'Two');
    same(JSON.parse(proxy.body).messages, [{role: 'user', content: 'New?'}]);
    return page;
  },

  async 'offers to ask only the last question again'({browser, address, proxy}) {
    const page = await openPage(browser, address);
    const again = page.getByRole('button', {name: 'Try again'});
    proxy.isDead = true;
    await ask(page, 'Lost?');
    await again.waitFor();
    proxy.isDead = false;
    proxy.instead(CHAT, answerOf(['Two']));
    await ask(page, 'And now?');
    same(await answer(page, 1), 'Two');
    same(await again.count(), 1);
    proxy.instead(CHAT, answerOf(['Three']));
    await again.click();
    same(await answer(page, 1), 'Three');
    same(JSON.parse(proxy.body).messages.map((message) => message.content), ['Lost?', 'And now?']);
    return page;
  },

  async 'reads text first as the settings say, and shows why it has not'(
      {browser, address, proxy, source}) {
    for (const [locale, settings, label, never, note] of [
      ['en-US', 'Settings of the answer', 'Read the text of pictures first', 'Never',
        'text in the picture is not read: no data'],
      ['ru-RU', 'Настройки ответа', 'Сначала прочитать текст на картинках', 'Никогда',
        'текст на картинке не читается: нет данных']]) {
      const page = await openPage(browser, address, {locale});
      await give(page, 'drop',
          [{name: 'stars.png', type: 'image/png', path: `${source}/demo/images/stars.png`}]);
      proxy.instead(CHAT, answerOf(['Stars'], [note]));
      await ask(page, '1');
      same(await answer(page), 'Stars');
      same(JSON.parse(proxy.body).ocr, undefined);
      same(await page.locator('.answer-notes li').allTextContents(), [note]);
      await page.getByLabel(settings).click();
      await page.getByLabel(label).selectOption({label: never});
      await checkAccessible(page, 'settings, with a note below the answer');
      await page.keyboard.press('Escape');
      await page.reload();
      proxy.instead(CHAT, answerOf(['None']));
      await ask(page, '2');
      same(await answer(page), 'None');
      same(JSON.parse(proxy.body).ocr, 'off');
      same(await page.locator('.answer-notes').count(), 0);
      if (locale === 'ru-RU') return page;
      check(page.faults.length === 0, page.faults);
      await page.context().close();
    }
  },

  async 'shows the server\'s words for what is wrong'({browser, address, source}) {
    const page = await openPage(browser, address, {locale: 'ru-RU'});
    await give(page, 'drop', [{name: 'no.png', type: 'image/png', text: 'not a picture'}]);
    await ask(page, 'Что это?');
    const error = page.locator('.turn.model').getByRole('alert');
    await error.waitFor();
    check(/[а-я]{3}/.test(await error.locator('.note-title').innerText()), 'not in Russian');
    return page;
  },

  async 'draws the places that a model names'({browser, address, proxy, source}) {
    const page = await openPage(browser, address);
    await give(page, 'drop',
        [{name: 'stars.png', type: 'image/png', path: `${source}/demo/images/stars.png`}]);
    proxy.instead(CHAT, answerOf(['```json\n[{"bbox_2d": [250, 500, 750, 1200], "label": "st',
      'ar"},\n {"point_2d": [100, 200], "label": "<b>dot</b>"}]\n```']));
    await ask(page, 'Where are they?');
    await page.getByText('2 places in the picture').waitFor();
    const places = await page.locator('.mark').evaluateAll((marks) => marks.map(
        ({style}) => [style.left, style.top, style.width, style.height]));
    same(places, [['25%', '50%', '50%', '50%'], ['10%', '20%', '0%', '0%']]);
    same(await page.locator('.label').allInnerTexts(), ['1\nstar', '2\n<b>dot</b>']);
    await checkAccessible(page, 'boxes');

    // Of several pictures: each box over its own, or over the one that the reader takes.
    const picture = (name) => ({name, type: 'image/png', path: `${source}/demo/images/${name}`});
    await page.getByRole('button', {name: 'New chat'}).click();
    await give(page, 'drop', [picture('stars.png'), picture('river.png')]);
    proxy.instead(CHAT, answerOf(['[{"bbox_2d": [0, 0, 500, 500], "label": "word", "image": 2},',
      '{"bbox_2d": [0, 0, 100, 100], "label": "star", "image": 1}]']));
    await ask(page, 'Where are they?');
    await page.locator('.boxed').nth(1).waitFor();
    same(await page.locator('.boxed .label').allInnerTexts(), ['1\nstar', '1\nword']);
    proxy.instead(CHAT, answerOf(['{"bbox_2d": [0, 0, 500, 500], "label": "it"}']));
    await ask(page, 'And where is it?');
    const choice = page.getByRole('group', {name: 'Which picture does the answer mean?'});
    const shown = () => page.locator('.turn.model').nth(1).locator('.boxed-picture img')
        .getAttribute('src');
    const before = await choice.getByRole('button', {name: 'river.png'}).locator('img')
        .getAttribute('src');
    same(await shown(), before);
    await choice.getByRole('button', {name: 'stars.png'}).click();
    check(await shown() !== before, 'the other picture is not shown');
    await checkAccessible(page, 'boxes of several pictures');
    return page;
  },

  async 'shows what a model writes as text alone'({browser, address, proxy}) {
    const page = await openPage(browser, address);
    proxy.instead(CHAT, answerOf(['# Head\n\n<img src=x onerror="window.bad=1"> [a](javascript:1) ',
      '![b](http://evil.example/x.png) **bold** `<i>`\n\n- one\n- two\n  - three\n\n',
      '| a | b |\n|---|---|\n| 1 | 2 |\n\n```html\n<script>window.bad=1</script>\n```\n']));
    await ask(page, 'Hello');
    const text = await answer(page);
    check(text.includes('<img src=x onerror="window.bad=1"> [a](javascript:1)'), text);
    const prose = page.locator('.prose');
    same(await prose.locator('img, a, script, i').count(), 0);
    same(await prose.locator('strong').innerText(), 'bold');
    same(await prose.locator('li').count(), 3);
    same(await prose.locator('td').allInnerTexts(), ['1', '2']);
    same(await page.evaluate(() => window.bad), undefined);
    return page;
  },
};
