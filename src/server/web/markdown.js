// A small part of Markdown, as nodes. What a model writes may come from a hostile picture: there
// are no links, no pictures and no HTML; an address stays text.
import {h} from './dom.js';

const INLINE = new RegExp([
  /(`+)([^`]|[^`].*?[^`])\1(?!`)/, // code
  /\*\*(?=\S)(.+?)\*\*/, // bold
  /(?<![\w*])\*(?=\S)([^*]+?)\*(?![\w*])/, // italic
  /(?<!\w)_(?=\S)([^_]+?)_(?!\w)/,
].map((each) => each.source).join('|'), 's');

/// Nodes of one text without blocks.
function inline(source, depth = 0) {
  const nodes = [];
  let rest = source;
  for (let found; depth < 4 && (found = INLINE.exec(rest));) {
    if (found.index > 0) nodes.push(rest.slice(0, found.index));
    const [whole, ticks, code, bold, star, line] = found;
    if (ticks) nodes.push(h('code', {}, code));
    else if (bold) nodes.push(h('strong', {}, ...inline(bold, depth + 1)));
    else nodes.push(h('em', {}, ...inline(star ?? line, depth + 1)));
    rest = rest.slice(found.index + whole.length);
  }
  if (rest) nodes.push(rest);
  return nodes;
}

function lines(source) {
  return source.split('\n').flatMap(
      (line, i) => (i > 0 ? [h('br'), ...inline(line)] : inline(line)));
}

const FENCE = /^\s*(```|~~~)/;
const HEADING = /^(#{1,6})\s+(.*)$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const TABLE_LINE = /^\s*\|?(\s*:?-+:?\s*\|)+\s*:?-*:?\s*$/;

/// The source of each block. A block that a stream has not ended is one, too.
function blocksOf(source) {
  const blocks = [];
  let block = [];
  const end = () => {
    if (block.length > 0) blocks.push(block.join('\n'));
    block = [];
  };
  let fence = null;
  for (const line of source.replace(/\r\n?/g, '\n').split('\n')) {
    const mark = FENCE.exec(line)?.[1];
    if (fence) {
      block.push(line);
      if (mark === fence) {
        end();
        fence = null;
      }
    } else if (mark) {
      end();
      fence = mark;
      block.push(line);
    } else if (line.trim() === '') {
      end();
    } else if (HEADING.test(line)) {
      end();
      block.push(line);
      end();
    } else {
      const startsList = ITEM.test(line) && block.length > 0 && !ITEM.test(block[0]);
      if (startsList) end();
      block.push(line);
    }
  }
  end();
  return blocks;
}

function listOf(block) {
  const root = {depth: -1, items: []};
  const open = [root];
  for (const line of block.split('\n')) {
    const found = ITEM.exec(line);
    const last = open[open.length - 1];
    if (!found) {
      last.text = `${last.text ?? ''}\n${line.trim()}`;
      continue;
    }
    const depth = found[1].replace(/\t/g, '    ').length;
    while (open.length > 1 && open[open.length - 1].depth >= depth) open.pop();
    const item = {depth, isNumber: /\d/.test(found[2]), mark: found[2], text: found[3], items: []};
    open[open.length - 1].items.push(item);
    open.push(item);
  }
  const element = (items) => h(items[0].isNumber ? 'ol' : 'ul',
      items[0].isNumber ? {start: parseInt(items[0].mark, 10)} : {},
      ...items.map((item) => h('li', {}, ...lines(item.text),
          ...(item.items.length > 0 ? [element(item.items)] : []))));
  return element(root.items);
}

function tableOf(block) {
  const rows = block.split('\n').map(
      (line) => line.trim().replace(/^\||\|$/g, '').split('|').map((cell) => cell.trim()));
  const row = (cells, tag) => h('tr', {}, ...cells.map((cell) => h(tag, {}, ...inline(cell))));
  return h('div', {class: 'table', tabindex: 0},
      h('table', {}, h('thead', {}, row(rows[0], 'th')),
          h('tbody', {}, ...rows.slice(2).map((cells) => row(cells, 'td')))));
}

function nodeOf(block) {
  if (FENCE.test(block)) {
    const code = block.split('\n').slice(1);
    if (code.length > 0 && FENCE.test(code[code.length - 1])) code.pop();
    return h('pre', {tabindex: 0}, h('code', {}, code.join('\n')));
  }
  const heading = HEADING.exec(block);
  if (heading) {
    // The page has h1 and h2 of its own.
    return h(`h${Math.min(heading[1].length + 2, 6)}`, {}, ...inline(heading[2]));
  }
  const [first, second = ''] = block.split('\n');
  if (ITEM.test(first)) return listOf(block);
  if (TABLE_LINE.test(second) && first.includes('|')) return tableOf(block);
  return h('p', {}, ...lines(block));
}

/// Shows `source` in `parent`. Blocks that are there already stay, so that a stream does not undo
/// what its reader has selected.
export function showMarkdown(parent, source) {
  const blocks = blocksOf(source);
  parent.blocks ??= [];
  let same = 0;
  while (same < blocks.length && parent.blocks[same] === blocks[same]) ++same;
  while (parent.childNodes.length > same) parent.lastChild.remove();
  parent.append(...blocks.slice(same).map(nodeOf));
  parent.blocks = blocks;
}
