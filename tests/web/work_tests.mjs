// Text of pictures, and captions.
import {readFileSync} from 'node:fs';
import {answerOf, check, checkAccessible, give, openPage, pick, same} from './support.mjs';

const CHAT = '/v1/chat/completions';

/// A page with two words; readers of PDF mend the table that it lacks.
const PDF = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>
>>endobj
4 0 obj<</Length 48>>stream
BT /F 24 Tf 40 100 Td (Black tea and milk) Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
%%EOF`;

async function downloaded(page, button) {
  const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
  return {name: download.suggestedFilename(), text: readFileSync(await download.path(), 'utf8')};
}

function done(page, count) {
  return page.waitForFunction(
      (n) => document.querySelectorAll('.card[data-state="done"]').length === n, count);
}

export const workTests = {
  async 'writes a caption for each picture, and saves them'({browser, address, source}) {
    const page = await openPage(browser, address, {path: '/#captions'});
    await checkAccessible(page, 'empty captions');
    await pick(page, page.getByRole('button', {name: 'Pick pictures'}),
        ['stars.png', 'hearts.jpg', 'river.png'].map((name) => `${source}/demo/images/${name}`));
    await done(page, 3);
    await checkAccessible(page, 'captions');
    same((await page.locator('.count').innerText()), '3 of 3');
    const table = await downloaded(page, page.getByRole('button', {name: 'CSV'}));
    same(table, {name: 'captions.csv', text: '\ufefffile,caption\r\nstars.png,Three yellow stars.' +
        '\r\nhearts.jpg,Four red hearts.\r\nriver.png,"The word ""river""."\r\n'});
    await page.getByLabel('Caption of stars.png').fill('=1+1\nstars');
    const objects = JSON.parse(
        (await downloaded(page, page.getByRole('button', {name: 'JSON'}))).text);
    same(objects[0], {file: 'stars.png', caption: '=1+1\nstars', model: 'tiny-vl'});
    await page.getByRole('button', {name: 'Copy all'}).click();
    check((await page.evaluate(() => navigator.clipboard.readText()))
        .includes('hearts.jpg: Four red hearts.\n'), 'not copied');
    await page.getByRole('button', {name: 'Remove all'}).click();
    check(await page.getByText('A caption for each picture').isVisible(), 'not empty');
    return page;
  },

  async 'stops captions, and says what failed'({browser, address, proxy, source}) {
    const page = await openPage(browser, address, {path: '/#captions', locale: 'ru-RU',
      colorScheme: 'dark'});
    const picture = (name) => ({name, type: 'image/png', path: `${source}/demo/images/stars.png`});
    await give(page, 'drop', [{name: 'no.png', type: 'image/png', text: 'none'}]);
    await page.locator('.card[data-state="failed"]').waitFor();
    await checkAccessible(page, 'a caption that failed');
    const gone = proxy.instead(CHAT, 'hold');
    await give(page, 'drop', [picture('one.png')]);
    await page.waitForFunction(
        () => document.querySelectorAll('.card textarea')[0]?.value === 'One');
    await page.getByRole('button', {name: 'Остановить'}).click();
    await gone;
    await page.locator('.card[data-state="stopped"]').waitFor();
    await page.locator('.card').nth(1).getByRole('button', {name: 'Ещё раз'}).click();
    await done(page, 1);
    same(await page.getByLabel('Подпись к one.png').inputValue(), 'Три жёлтые звезды.');
    return page;
  },

  async 'writes CSV that a spreadsheet reads as texts'({browser, address}) {
    const page = await openPage(browser, address);
    const csv = await page.evaluate(async () => (await import('/web/table.js')).csvOf(
        [['=HYPERLINK("http://x")', '+1', '-1', '@a', '\tb'],
          ['a,b', 'c"d', 'e\nf', ' g', '1-2', '']]));
    same(csv, '\ufeff"\'=HYPERLINK(""http://x"")",\'+1,\'-1,\'@a,\'\tb\r\n' +
        '"a,b","c""d","e\nf"," g",1-2,\r\n');
    return page;
  },

  async 'lays the text of a picture over it'({browser, address, source}) {
    const page = await openPage(browser, address, {path: '/#text'});
    await checkAccessible(page, 'empty text');
    await pick(page, page.getByRole('button', {name: 'Pick pictures or PDFs'}),
        [`${source}/demo/pages/receipt.png`]);
    const line = page.locator('.text-line', {hasText: 'Огурцы'});
    await line.waitFor();
    await checkAccessible(page, 'text');
    // It covers its box, whatever the letters of this machine are.
    const off = await line.evaluate((node) => {
      const own = node.getBoundingClientRect();
      const whole = node.closest('.page').getBoundingClientRect();
      return {width: own.width / whole.width, height: own.height / whole.height,
        left: (own.left - whole.left) / whole.width, top: (own.top - whole.top) / whole.height};
    });
    check(off.left > 0 && off.left < 0.5 && off.width > 0.2 && off.width < 0.9 &&
        off.top > 0.1 && off.top < 0.5 && off.height < 0.05, JSON.stringify(off));
    await line.selectText();
    same(await page.evaluate(() => String(getSelection())), await line.innerText());
    await page.getByRole('button', {name: 'Copy all'}).click();
    const text = await page.evaluate(() => navigator.clipboard.readText());
    check(text.startsWith('Супермаркет «Эхо»\n'), text);
    const saved = await downloaded(page, page.getByRole('button', {name: 'Save'}));
    same(saved, {name: 'receipt.png.txt', text});
    await give(page, 'drop', [{name: 'tea.pdf', type: 'application/pdf', text: PDF}]);
    const word = page.locator('.text-line', {hasText: 'Black tea'});
    await word.waitFor();
    const isDrawn = await page.locator('.page > img').evaluate(async (image) => {
      await image.decode();
      return image.naturalWidth > 1000 && getComputedStyle(image).display !== 'none';
    });
    check(isDrawn, 'no picture of the page');
    same(await word.evaluate((node) => getComputedStyle(node).color), 'rgba(0, 0, 0, 0)');
    await checkAccessible(page, 'a PDF');
    await page.getByRole('button', {name: 'receipt.png'}).click();
    await page.getByLabel('Show lines').check();
    await page.getByRole('button', {name: 'Ask'}).click();
    same(await page.locator('.tray .tile').count(), 1);
    return page;
  },
};
