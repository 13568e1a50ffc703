// node screenshots.mjs PROGRAM SOURCES BROWSER: pictures of the page in screenshots/, in both
// languages and themes, wide and narrow; run.sh runs it. Those of the READMEs are in readme/.
import {mkdirSync, rmSync, writeFileSync} from 'node:fs';
import {dirname} from 'node:path';
import {answerOf, launch, makeLibrary, openPage, pick, Program, Proxy} from './support.mjs';

const [program, source, executable] = process.argv.slice(2);
const OUT = 'screenshots';
const WIDE = {width: 1180, height: 760};
const NARROW = {width: 390, height: 760};

const WORDS = {
  'en-US': {pick: 'Pick pictures or PDFs', describe: 'Describe it', where: 'Where are they?',
    query: 'how much did the rye bread cost', label: 'star'},
  'ru-RU': {pick: 'Выбрать картинки или PDF', describe: 'Описать', where: 'Где они?',
    query: 'как заклеить камеру', label: 'звезда'},
};

const RUN = {state: 'running', root: 1, caption: true, phase: 'reading', files_done: 1210,
  files: 3400, left_seconds: 4100, added: 1180, updated: 2, moved: 0, removed: 0, captioned: 0,
  uncaptioned: 0, failed: 2, failed_before: 0,
  failures: ['tax.pdf', 'scan-2019.pdf'].map((name) => ({file: name,
    error: {message: `/home/anna/Documents/${name}: is protected by a password`}}))};

/// Each shows one state of the page.
const VIEWS = {
  async chat(page, words) {
    await pick(page, page.getByRole('button', {name: words.pick}),
        [`${source}/demo/images/circle_and_square.jpg`]);
    await page.getByRole('button', {name: words.describe}).click();
    await page.locator('.facts').waitFor();
  },
  async empty() {},
  async boxes(page, words, {proxy}) {
    await pick(page, page.getByRole('button', {name: words.pick}),
        ['stars.png', 'hearts.jpg'].map((name) => `${source}/demo/images/${name}`));
    proxy.instead('/v1/chat/completions', answerOf([[[120, 380], [420, 180], [700, 520]].map(
        ([x, y]) => JSON.stringify({bbox_2d: [x, y, x + 200, y + 220], label: words.label}))
        .join('\n')]));
    await page.getByRole('textbox').first().fill(words.where);
    await page.keyboard.press('Enter');
    await page.locator('.boxed').waitFor();
  },
  async text(page, words) {
    await pick(page, page.getByRole('button', {name: words.pick}),
        [`${source}/demo/pages/receipt.png`]);
    await page.locator('.page-text').waitFor();
    await page.locator('#ocr-boxes').check();
  },
  async captions(page, words) {
    await pick(page, page.getByRole('button', {name: words.pick}),
        ['stars.png', 'hearts.jpg', 'river.png', 'radost.jpg', 'three_in_a_row.png'].map(
            (name) => `${source}/demo/images/${name}`));
    await page.waitForFunction(
        () => document.querySelectorAll('.card[data-state="done"]').length === 5);
  },
  async search(page, words) {
    await page.getByRole('searchbox').fill(words.query);
    await page.keyboard.press('Enter');
    await page.locator('.hit').first().waitFor();
    await page.waitForFunction(() => [...document.querySelectorAll('.hit img')].every(
        (image) => image.complete));
  },
  async index(page) {
    await page.route('**/v1/library/index', (route) => route.fulfill({json: RUN}));
    await page.reload();
    await page.locator('.library-state', {hasText: /\d/}).waitFor();
    await page.locator('.library > summary').click();
    await page.locator('.failures summary').click();
  },
};
const PATHS = {text: '/#text', captions: '/#captions', search: '/#search', index: '/#search'};

/// A picture of the page as WebP, which the browser makes.
async function shoot(page, file) {
  const png = (await page.screenshot()).toString('base64');
  const webp = await page.evaluate(async (data) => {
    const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], {type: 'image/png'}));
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext('2d').drawImage(image, 0, 0);
    return canvas.toDataURL('image/webp', 0.9).split(',')[1];
  }, png);
  writeFileSync(`${file}.webp`, Buffer.from(webp, 'base64'));
  writeFileSync(`${file}.png`, Buffer.from(png, 'base64'));
}

const library = makeLibrary(program, source);
const server = new Program(program, ['--model', `${source}/demo/models/tiny-vl`,
  '--library', library, '--root', `${source}/demo/pages`, '--root', `${source}/demo/texts`]);
const proxy = new Proxy(await server.port);
const address = await proxy.listen();
const browser = await launch(executable);
mkdirSync(`${OUT}/readme`, {recursive: true});

async function make(view, {locale, colorScheme, viewport, file}) {
  const page = await openPage(browser, address,
      {locale, colorScheme, viewport, path: PATHS[view] ?? ''});
  await page.locator('.meter .part').first().waitFor({state: 'attached'});
  await VIEWS[view](page, WORDS[locale], {proxy});
  await page.mouse.move(0, 0);
  await shoot(page, file);
  await page.context().close();
}

for (const [locale, ending] of [['en-US', ''], ['ru-RU', '.ru']]) {
  for (const view of ['chat', 'text', 'search']) {
    const colorScheme = view === 'text' ? 'dark' : 'light';
    await make(view, {locale, colorScheme, viewport: WIDE,
      file: `${OUT}/readme/page-${view}${ending}`});
  }
}
for (const view of Object.keys(VIEWS)) {
  for (const [locale, colorScheme, viewport] of [['en-US', 'dark', WIDE], ['ru-RU', 'light', WIDE],
    ['ru-RU', 'dark', NARROW], ['en-US', 'light', NARROW]]) {
    const file = `${OUT}/${view}-${locale.slice(0, 2)}-${colorScheme}-${viewport.width}`;
    await make(view, {locale, colorScheme, viewport, file});
  }
}
await browser.close();
proxy.end();
await server.end();
rmSync(dirname(library), {recursive: true});
