// node page_test.mjs PROGRAM SOURCES BROWSER [NAME]: all tests, or those whose names have NAME.
import {rmSync} from 'node:fs';
import {dirname} from 'node:path';
import {chatTests} from './chat_tests.mjs';
import {frameTests} from './frame_tests.mjs';
import {workTests} from './work_tests.mjs';
import {searchTests} from './search_tests.mjs';
import {launch, makeLibrary, Program, Proxy} from './support.mjs';

const [program, source, executable, wanted = ''] = process.argv.slice(2);

const library = makeLibrary(program, source);
const server = new Program(program,
    ['--model', `${source}/demo/models/tiny-vl`, '--library', library]);
const proxy = new Proxy(await server.port);
const address = await proxy.listen();
const browser = await launch(executable);
let failed = 0;

/// Some tests wait for what only a fault would keep from coming.
function late() {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error('four minutes have passed')), 240000).unref();
  });
}

for (const [name, test] of Object.entries({...chatTests, ...workTests, ...searchTests,
  ...frameTests})) {
  if (!name.includes(wanted)) continue;
  let page = null;
  try {
    page = await Promise.race([test({browser, address, proxy, program, source, library}), late()]);
    if (page.faults.length > 0) throw new Error(page.faults.join('\n'));
    console.log(`ok      ${name}`);
  } catch (error) {
    ++failed;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
  for (const context of browser.contexts()) await context.close();
}
await browser.close();
proxy.end();
await server.end();
rmSync(dirname(library), {recursive: true});
if (server.log) console.log(server.log);
console.log(failed === 0 ? 'all passed' : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
