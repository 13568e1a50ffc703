// The program, a proxy in front of it, and a browser.
import {spawn, spawnSync} from 'node:child_process';
import {readFileSync, mkdtempSync, rmSync} from 'node:fs';
import http from 'node:http';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {chromium} from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export function check(isTrue, message) {
  if (!isTrue) throw new Error(message);
}

export function same(actual, expected, what = 'value') {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  check(a === b, `${what}: ${a}, expected ${b}`);
}

/// A library of the receipt and the texts of demo/, in a folder of its own.
export function makeLibrary(program, source) {
  const library = join(mkdtempSync(join(tmpdir(), 'oko-web-')), 'demo.db');
  const made = spawnSync(program, ['index', `${source}/demo/pages`, `${source}/demo/texts`,
    '--model', `${source}/demo/models/e5-small-ru-en`, '--library', library, '--quiet'],
      {env: {...process.env, OKO_DEVICE: 'cpu', LC_ALL: 'C'}, encoding: 'utf8'});
  check(made.status === 0, `oko index: ${made.stderr}`);
  return library;
}

/// oko serve on a free port, with a home of its own.
export class Program {
  constructor(program, args) {
    this.home = mkdtempSync(join(tmpdir(), 'oko-web-'));
    this.process = spawn(program, ['serve', '--port', '0', '--threads', '1', '--quiet', ...args],
        {env: {...process.env, OKO_HOME: this.home, HF_HOME: this.home, LC_ALL: 'C',
          OKO_DEVICE: 'cpu'}});
    this.log = '';
    process.on('exit', () => this.process.kill('SIGKILL')); // of a test that failed
    this.process.stderr.on('data', (data) => (this.log += data));
    this.port = new Promise((resolve, reject) => {
      let output = '';
      this.process.stdout.on('data', (data) => {
        output += data;
        const found = /http:\/\/127\.0\.0\.1:(\d+)/.exec(output);
        if (found) resolve(Number(found[1]));
      });
      this.process.on('exit', () => reject(new Error(`oko serve has ended: ${this.log}`)));
    });
  }

  async end() {
    const ended = new Promise((resolve) => this.process.on('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
    rmSync(this.home, {recursive: true});
  }
}

/// The events of an answer with these pieces of text, and notes on its pictures.
export function answerOf(pieces, notes) {
  const chunk = (choices, usage) => `data: ${JSON.stringify({choices, usage})}\n\n`;
  return pieces.map((content) => chunk([{index: 0, delta: {content}, finish_reason: null}]))
      .join('') + chunk([{index: 0, delta: {}, finish_reason: 'stop', notes}]) +
      chunk([], {completion_tokens: pieces.length}) + 'data: [DONE]\n\n';
}

/// Passes everything on to the program. `answer` is used instead once, for the next POST to `path`:
/// a text to send as events, or `hold` to send one piece and wait for the browser or `cut`.
export class Proxy {
  constructor(port) {
    this.next = null;
    this.isDead = false; // closes connections instead
    this.server = http.createServer((request, response) => this.pass(port, request, response));
  }

  async listen() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  /// Resolves, for `hold`, once the browser has given up.
  instead(path, answer) {
    return new Promise((gone) => (this.next = {path, answer, gone}));
  }

  async pass(port, request, response) {
    if (this.isDead) return request.socket.destroy();
    const special = this.next?.path === request.url && request.method === 'POST' ? this.next : null;
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces);
    if (request.method === 'POST') this.body = body; // not of those who look at the memory
    if (special) {
      this.next = null;
      response.on('close', special.gone);
      response.writeHead(200, {'Content-Type': 'text/event-stream'});
      if (special.answer === 'hold') {
        response.write(answerOf(['One']).split('\n\n')[0] + '\n\n');
        this.cut = () => request.socket.destroy();
        return;
      }
      response.end(special.answer);
      return;
    }
    const passed = http.request(
        {port, host: '127.0.0.1', path: request.url, method: request.method,
          headers: request.headers},
        (answer) => {
          response.writeHead(answer.statusCode, answer.headers);
          answer.pipe(response);
        });
    passed.on('error', () => response.destroy());
    passed.end(body);
  }

  end() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

export async function launch(executablePath) {
  process.on('SIGTERM', () => process.exit(1)); // and Playwright would go on
  return chromium.launch({executablePath, handleSIGTERM: false, args: ['--no-sandbox',
    '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync']});
}

/// A page that is at `address`, and what went wrong in it.
export async function openPage(browser, address, {locale = 'en-US', colorScheme = 'light',
  path = '', viewport = {width: 1180, height: 760}} = {}) {
  const context = await browser.newContext({locale, colorScheme,
    viewport, reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write']});
  const page = await context.newPage();
  page.setDefaultTimeout(60000);
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(String(error)));
  page.on('console', (message) => {
    const isFetch = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isFetch) page.faults.push(message.text());
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(address) && !url.startsWith('blob:')) page.faults.push(`asked ${url}`);
  });
  await page.goto(address + path);
  return page;
}

/// Throws with the serious findings of axe, in both themes.
export async function checkAccessible(page, what) {
  // Not by a <script>: the policy of the page forbids it.
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const {dataset} = document.documentElement;
    const own = dataset.theme;
    const found = [];
    for (dataset.theme of ['light', 'dark']) {
      const {violations} = await window.axe.run(document, {resultTypes: ['violations']});
      found.push(...violations);
    }
    dataset.theme = own;
    return found;
  });
  const serious = violations.filter((each) => ['serious', 'critical'].includes(each.impact));
  check(serious.length === 0, `${what}: ` + serious.map((each) =>
      `${each.id}: ${each.help}: ${each.nodes.map((node) => node.html).join(' ')}`).join('\n'));
}

/// Gives files to the page as a drop or a paste does.
export async function give(page, how, files) {
  const given = files.map(({name, type, path, text}) => ({name, type,
    base64: path ? readFileSync(path).toString('base64') : Buffer.from(text).toString('base64')}));
  await page.evaluate(({how, given}) => {
    const transfer = new DataTransfer();
    for (const {name, type, base64} of given) {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      transfer.items.add(new File([bytes], name, {type}));
    }
    const target = document.body;
    if (how === 'drop') {
      for (const kind of ['dragenter', 'dragover', 'drop']) {
        target.dispatchEvent(
            new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
      }
    } else {
      target.dispatchEvent(new ClipboardEvent('paste',
          {clipboardData: transfer, bubbles: true, cancelable: true}));
    }
  }, {how, given});
}

/// Picks files by the browser's window that `button` opens.
export async function pick(page, button, paths) {
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), button.click()]);
  await chooser.setFiles(paths);
}
