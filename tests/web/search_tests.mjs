// Search over a library, and the memory of the server.
import {cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, dirname, join} from 'node:path';
import {check, checkAccessible, give, openPage, Program, same} from './support.mjs';

export const searchTests = {
  async 'finds passages, and shows them on their pages'({browser, address}) {
    const page = await openPage(browser, address, {path: '/#search'});
    await page.getByText('Find it by what it says').waitFor();
    await checkAccessible(page, 'empty search');
    await page.getByRole('searchbox').fill('Хлеб ржаной');
    await page.keyboard.press('Enter');
    const hit = page.locator('.hit').first();
    check((await hit.locator('.hit-path').innerText()).endsWith('demo/pages/receipt.png'),
        'not the receipt');
    same((await hit.locator('mark').allInnerTexts()).slice(0, 2), ['Хлеб', 'ржаной']);
    await hit.locator('img').waitFor();
    const [left, top, width, height] = await hit.locator('.hit-box').evaluate(
        ({style}) => [style.left, style.top, style.width, style.height].map(parseFloat));
    check(left > 0 && top > 0 && left + width < 100 && top + height < 60 && height < 20,
        `box ${[left, top, width, height]}`);
    await checkAccessible(page, 'hits');
    await page.getByRole('button', {name: 'Open receipt.png'}).first().click();
    await page.getByRole('dialog').locator('.hit-box').waitFor();
    await checkAccessible(page, 'a hit in full');
    await page.keyboard.press('Escape');
    same(await page.getByRole('dialog').count(), 0);
    await page.getByLabel('Texts').check();
    await page.waitForFunction(() => document.querySelectorAll('.hit').length > 0 &&
        !document.querySelector('.hit img') && !document.querySelector('[aria-busy]'));
    for (const path of await page.locator('.hit-path').allInnerTexts()) {
      check(/\.(md|txt)$/.test(path), path);
    }
    return page;
  },

  async 'hands files that are dropped on the search to the chat'({browser, address, source}) {
    const page = await openPage(browser, address, {path: '/#search'});
    await page.getByText('Find it by what it says').waitFor();
    await give(page, 'drop',
        [{name: 'stars.png', type: 'image/png', path: `${source}/demo/images/stars.png`}]);
    await page.locator('.tray .tile').waitFor();
    same(new URL(page.url()).hash, '#chat');
    return page;
  },

  async 'indexes a folder that the owner allows'({browser, program, source, library}) {
    const parent = mkdtempSync(join(tmpdir(), 'oko-web-'));
    const [folder, other] = ['a', 'b'].map((name) => join(parent, name, 'Photos'));
    for (const each of [folder, other]) mkdirSync(each, {recursive: true});
    const own = mkdtempSync(join(tmpdir(), 'oko-web-'));
    cpSync(dirname(library), own, {recursive: true});
    writeFileSync(join(folder, 'tea.txt'), 'Zavarka: black tea from the Caucasus.');
    writeFileSync(join(folder, 'broken.png'), 'no picture');
    const server = new Program(program,
        ['--library', join(own, basename(library)), '--root', other, '--root', folder]);
    const page = await openPage(browser, `http://127.0.0.1:${await server.port}`,
        {path: '/#search'});
    await page.locator('.library > summary').click();
    await checkAccessible(page, 'a folder to index');
    await page.getByRole('button', {name: 'Index b/Photos'}).waitFor();
    await page.getByRole('button', {name: 'Index a/Photos'}).click();
    await page.locator('.run-result', {hasText: '1 added'}).waitFor();
    await page.getByText('4 files are in the library').waitFor();
    await page.getByText('1 file could not be read').click();
    check((await page.locator('.failures li').innerText()).includes('broken.png'), 'no reason');
    await checkAccessible(page, 'an indexed folder');
    await page.getByRole('searchbox').fill('black tea');
    await page.keyboard.press('Enter');
    await page.locator('.hit').getByText('tea.txt').first().waitFor();
    await page.getByRole('button', {name: 'Read again'}).click();
    await page.locator('.run-result', {hasText: 'Nothing has changed.'}).waitFor();
    await page.close();
    await server.end();
    for (const each of [parent, own]) rmSync(each, {recursive: true});
    return page;
  },

  async 'shows how far indexing is, and stops it'({browser, address}) {
    const page = await openPage(browser, address, {locale: 'ru-RU', colorScheme: 'dark'});
    const run = {state: 'running', root: 1, caption: false, phase: 'reading', files_done: 21,
      files: 340, left_seconds: 190, added: 20, updated: 0, moved: 0, removed: 0, captioned: 0,
      uncaptioned: 0, failed: 1, failed_before: 0,
      failures: [{file: '/a/b.pdf', error: {message: '/a/b.pdf: зашифрован', hint: 'пароль'}}]};
    await page.route('**/v1/library/index', (route) => {
      if (route.request().method() === 'DELETE') run.state = 'stopped';
      return route.fulfill({json: run});
    });
    await page.route('**/v1/library', (route) => route.fulfill({json: {exists: false,
      roots: [{id: 1, name: 'Снимки', folder: '/home/anna/Снимки'}]}}));
    await page.getByRole('link', {name: 'Поиск'}).click();
    await page.getByText('Проиндексируйте выше папку').waitFor();
    check(await page.getByText('/home/anna/Снимки').isVisible(), 'the folders are not shown');
    await page.locator('.library > summary').click();
    await page.locator('.library-state', {hasText: '21 из 340 файлов, осталось 3 мин'}).waitFor();
    await page.locator('.library > summary').click();
    await page.getByText('Не прочитан 1 файл').click();
    check(await page.getByText('/a/b.pdf: зашифрован').isVisible(), 'no reason');
    await checkAccessible(page, 'a run');
    await page.getByRole('button', {name: 'Остановить'}).click();
    await page.locator('.run-result', {hasText: 'Сделанное сохранено.'}).waitFor();
    return page;
  },

  async 'shows the memory against the plan'({browser, address}) {
    await fetch(`${address}/v1/chat/completions`, {method: 'POST',
      body: JSON.stringify({messages: [{role: 'user', content: 'Hello'}], max_tokens: 1})});
    const page = await openPage(browser, address, {locale: 'ru-RU', colorScheme: 'dark'});
    const meter = page.getByRole('meter', {name: 'Память'});
    await meter.waitFor();
    check(/^[\d,]+\s\S+ из [\d,]+\s\S+$/.test(await meter.getAttribute('aria-valuetext')),
        await meter.getAttribute('aria-valuetext'));
    check(Number(await meter.getAttribute('aria-valuenow')) > 0, 'no memory is held');
    await page.locator('.loaded', {hasText: 'tiny-vl'}).waitFor();
    await checkAccessible(page, 'memory');
    return page;
  },
};
