// The frame of the page: language, theme, keyboard, key, models.
import {check, checkAccessible, openPage, Program, same} from './support.mjs';

export const frameTests = {
  async 'keeps the language and the theme that are chosen'({browser, address}) {
    const page = await openPage(browser, address);
    await page.getByRole('button', {name: 'Русский'}).click();
    check(await page.getByText('Что на картинке?').isVisible(), 'not in Russian');
    same(await page.getByRole('textbox').first().getAttribute('placeholder'),
        'Спросите о картинке');
    await page.getByRole('button', {name: 'Тёмная тема'}).click();
    await page.reload();
    check(await page.getByText('Что на картинке?').isVisible(), 'not in Russian any more');
    await page.getByRole('link', {name: 'Поиск'}).click();
    await page.getByRole('button', {name: 'English'}).click();
    same(await page.title(), 'Search · oko');
    await page.getByRole('button', {name: 'Русский'}).click();
    same(await page.title(), 'Поиск · oko');
    same(await page.locator('html').getAttribute('data-theme'), 'dark');
    return page;
  },

  async 'has every text in both languages'({browser, address}) {
    const page = await openPage(browser, address);
    const {en, ru} = await page.evaluate(async () => (await import('/web/texts.js')).names());
    same(ru, en);
    check(en.length > 40, `${en.length} texts`);
    return page;
  },

  async 'can be used by the keyboard alone'({browser, address}) {
    const page = await openPage(browser, address);
    await page.getByRole('textbox', {name: 'Question'}).waitFor();
    same(await page.evaluate(() => document.querySelector('a, button, input').className), 'skip');
    await page.locator('.skip').focus();
    await page.keyboard.press('Enter');
    same(await page.evaluate(() => document.activeElement.id), 'view');
    const names = new Set();
    for (let i = 0; i < 12; ++i) {
      await page.keyboard.press('Tab');
      names.add(await page.evaluate(() => document.activeElement.ariaLabel ||
          document.activeElement.textContent.trim()));
    }
    for (const name of ['Pick pictures or PDFs', 'Describe it', 'Question', 'Send']) {
      check(names.has(name), `${name} is not reached: ${[...names].join(', ')}`);
    }
    return page;
  },

  async 'asks for the key of the server'({browser, program, source}) {
    const server = new Program(program,
        ['--api-key', 'secret', '--model', `${source}/demo/models/tiny-vl`]);
    const page = await openPage(browser, `http://127.0.0.1:${await server.port}`);
    const field = page.getByRole('textbox', {name: 'Key'});
    await field.fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('That is not the key.').waitFor();
    await checkAccessible(page, 'the key');
    await field.fill('secret');
    await page.keyboard.press('Enter');
    same(await page.getByLabel('Model').inputValue(), 'tiny-vl');
    await page.close();
    await server.end();
    return page;
  },

  async 'tells how to get a model and a library where there is none'({browser, program}) {
    const server = new Program(program, []);
    const page = await openPage(browser, `http://127.0.0.1:${await server.port}`);
    await page.getByText('oko pull qwen3-vl-4b').waitFor();
    await checkAccessible(page, 'no model');
    await page.getByRole('link', {name: 'Search'}).click();
    await page.getByText('oko index ~/Pictures ~/Documents').waitFor();
    await page.getByText('oko serve --root ~/Pictures').waitFor();
    await page.close();
    await server.end();
    return page;
  },
};
