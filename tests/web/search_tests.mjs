// Search over a library, and the memory of the server.
import {check, checkAccessible, openPage, same} from './support.mjs';

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
