// Elements are made node by node: text of a model or of a server is never parsed as HTML.

/// h('button', {class: 'x', t: 'chat.send', onclick}, child, 'text'): an element. `t` and its
/// relatives name texts of texts.js, which change with the language.
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) {
      node.addEventListener(name.slice(2), value);
    } else if (name === 't' || name === 'tLabel' || name === 'tTitle' || name === 'tPlaceholder') {
      node.dataset[name] = value;
    } else if (name === 'tVars') {
      node.dataset.tVars = JSON.stringify(value);
    } else if (name === 'value' || name === 'checked' || name === 'disabled') {
      node[name] = value;
    } else {
      node.setAttribute(name, value === true ? '' : value);
    }
  }
  node.append(...children.flat().filter((each) => each !== undefined && each !== null));
  translate(node);
  return node;
}

let translateNode = () => {};

/// texts.js gives the function that fills one node.
export function setTranslator(translator) {
  translateNode = translator;
}

function translate(node) {
  if ('t' in node.dataset || 'tLabel' in node.dataset || 'tTitle' in node.dataset ||
      'tPlaceholder' in node.dataset) {
    translateNode(node);
  }
}

/// Fills the texts below `root` again.
export function translateAll(root) {
  for (const node of root.querySelectorAll(
      '[data-t],[data-t-label],[data-t-title],[data-t-placeholder]')) {
    translateNode(node);
  }
}

const SHAPES = {
  chat: ['M21 12a8 8 0 0 1-8 8H4l2.2-3A8 8 0 1 1 21 12Z'],
  text: ['M4 8V5a1 1 0 0 1 1-1h3', 'M16 4h3a1 1 0 0 1 1 1v3', 'M20 16v3a1 1 0 0 1-1 1h-3',
    'M8 20H5a1 1 0 0 1-1-1v-3', 'M8 9h8', 'M8 12.500h8', 'M8 16h5'],
  captions: ['M3.5 5h17v10h-17z', 'M3.5 12.5l4.5-4 4 4 3-2.5 5.5 4', 'M5 19h14'],
  search: ['M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Z', 'M20.5 20.5 16 16'],
  attach: ['M12 5v14', 'M5 12h14'],
  send: ['M12 19V5', 'M6 11l6-6 6 6'],
  stop: ['M7 7h10v10H7z'],
  retry: ['M4 12a8 8 0 1 0 2.5-5.8', 'M4 4v4.500h4.5'],
  copy: ['M9 9h11v11H9z', 'M5 15H4V4h11v1'],
  done: ['M5 12.5l4.5 4.500L19 7.5'],
  close: ['M6 6l12 12', 'M18 6 6 18'],
  settings: ['M4 7h9', 'M17 7h3', 'M4 17h3', 'M11 17h9', 'M15 9a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z',
    'M9 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z'],
  save: ['M12 4v11', 'M7 11l5 5 5-5', 'M5 20h14'],
  page: ['M7 3h7l5 5v13H7z', 'M14 3v5h5'],
  picture: ['M4 5h16v14H4z', 'M4 16l5-5 4 4 3-3 4 4', 'M9 9.500h.01'],
  alert: ['M12 8v5', 'M12 16.500h.01', 'M12 3.5 22 20H2z'],
  moon: ['M20 14.500A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.500Z'],
  sun: ['M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8Z', 'M12 2.500v2', 'M12 19.500v2', 'M2.5 12h2',
    'M19.5 12h2', 'M5.3 5.300l1.4 1.4', 'M17.3 17.300l1.4 1.4', 'M5.3 18.700l1.4-1.4',
    'M17.3 6.700l1.4-1.4'],
  boxes: ['M4 4h9v9H4z', 'M11 11h9v9h-9z'],
};

/// A drawing of SHAPES, which says nothing to a screen reader.
export function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  for (const shape of SHAPES[name]) {
    const path = document.createElementNS(space, 'path');
    path.setAttribute('d', shape);
    svg.append(path);
  }
  return svg;
}

/// A button with a drawing alone; its name is a text.
export function iconButton(name, text, onclick, props = {}) {
  return h('button', {type: 'button', class: 'icon-button', tLabel: text, tTitle: text, onclick,
    ...props}, icon(name));
}

/// A small button with a drawing and its name.
export function button(drawing, text, onclick, props = {}) {
  return h('button', {type: 'button', class: 'button small', onclick, ...props}, icon(drawing),
      h('span', {t: text}));
}

/// Tells a screen reader, without moving the focus.
export function announce(text) {
  const live = document.getElementById('live');
  live.textContent = '';
  requestAnimationFrame(() => (live.textContent = text));
}

export function stored(name, fallback) {
  try {
    return localStorage.getItem(`oko.${name}`) ?? fallback;
  } catch {
    return fallback; // a browser may forbid it
  }
}

export function store(name, value) {
  try {
    localStorage.setItem(`oko.${name}`, value);
  } catch {
    // The choice then lasts as long as the page.
  }
}

/// Hands a file over to the browser's downloads.
export function saveFile(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], {type}));
  h('a', {href: url, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/// Copies, and shows that on the button for a moment.
export async function copyFrom(button, text) {
  const drawing = button.querySelector('.icon');
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h('textarea', {value: text, class: 'unseen'}); // over http from another machine
    button.after(area); // not behind a dialog
    area.select();
    document.execCommand('copy');
    area.remove();
    button.focus();
  }
  const done = icon('done');
  drawing.replaceWith(done);
  button.classList.add('is-done');
  setTimeout(() => {
    done.replaceWith(drawing);
    button.classList.remove('is-done');
  }, 1500);
}
