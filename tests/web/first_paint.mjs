// node first_paint.mjs PROGRAM SOURCES BROWSER [RUNS]: how soon the page is there, each time with a
// server and a browser of its own, and the bytes of its files. Figures: docs/BENCHMARKS.md.
import {check, launch, Program} from './support.mjs';

const [program, source, executable, runs = '5'] = process.argv.slice(2);
for (let run = 0; run < Number(runs); ++run) {
  const server = new Program(program, ['--model', `${source}/demo/models/tiny-vl`]);
  const address = `http://127.0.0.1:${await server.port}/`;
  const browser = await launch(executable);
  const page = await browser.newPage();
  await page.goto(address, {waitUntil: 'load'});
  const paint = 'first-contentful-paint';
  await page.waitForFunction((name) => performance.getEntriesByName(name).length > 0, paint);
  const figures = await page.evaluate(([name, root]) => {
    const files = [...performance.getEntriesByType('navigation'),
      ...performance.getEntriesByType('resource').filter((each) => each.name.startsWith(root))];
    const bytes = files.reduce((sum, each) => sum + each.transferSize, 0);
    return {paint: performance.getEntriesByName(name)[0].startTime, files: files.length, bytes};
  }, [paint, `${address}web/`]);
  check(figures.files > 20, `only ${figures.files} files`);
  console.log(`first contentful paint ${Math.round(figures.paint)} ms; ` +
      `${figures.files} files, ${figures.bytes} bytes with headers`);
  await browser.close();
  await server.end();
}
