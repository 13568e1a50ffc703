// Places in a picture: those that Qwen3-VL writes as JSON, drawn over it.
import {h, icon} from './dom.js';

/// Qwen3-VL counts 0 to 1000 along each side.
const SCALE = 1000;
const KEYS = ['bbox_2d', 'bbox', 'point_2d'];

/// The JSON values that begin in `source`, an array or an object; half of one gives its whole
/// objects.
function* jsonValues(source) {
  for (let at = 0; (at = source.slice(at).search(/[[{]/) + at) >= 0 && at < source.length;) {
    if (!'[{'.includes(source[at])) return;
    const end = endOf(source, at);
    if (end < 0) {
      ++at; // not closed yet: what is within it may be
      continue;
    }
    try {
      yield JSON.parse(source.slice(at, end));
      at = end;
    } catch {
      ++at;
    }
  }
}

/// Where the bracket at `at` is closed, -1: nowhere.
function endOf(source, at) {
  let depth = 0;
  for (let i = at, isText = false; i < source.length; ++i) {
    const c = source[i];
    if (isText) {
      if (c === '\\') ++i;
      else if (c === '"') isText = false;
    } else if (c === '"') {
      isText = true;
    } else if (c === '[' || c === '{') {
      ++depth;
    } else if (c === ']' || c === '}') {
      if (--depth === 0) return i + 1;
    }
  }
  return -1;
}

/// Where an answer about several pictures says which one it means.
const PICTURE_KEYS = ['image', 'image_index', 'image_id', 'picture'];

/// Boxes {left, top, width, height, label} in parts of the picture that an answer names; `picture`
/// is its number, counted from 1, if the answer has it.
export function boxesOf(source) {
  if (!KEYS.some((key) => source.includes(key))) return [];
  const boxes = [];
  const add = (value) => {
    if (Array.isArray(value)) return value.forEach(add);
    if (value === null || typeof value !== 'object') return;
    const key = KEYS.find((each) => Array.isArray(value[each]));
    if (!key) return Object.values(value).forEach(add);
    const numbers = value[key].map(Number);
    const isPoint = key === 'point_2d';
    if (numbers.length !== (isPoint ? 2 : 4) || !numbers.every(Number.isFinite)) return;
    const [x1, y1, x2, y2] = (isPoint ? [...numbers, ...numbers] : numbers)
        .map((each) => Math.min(Math.max(each / SCALE, 0), 1));
    const label = value.label ?? value.text_content ?? value.text ?? '';
    boxes.push({left: Math.min(x1, x2), top: Math.min(y1, y2), width: Math.abs(x2 - x1),
      height: Math.abs(y2 - y1), label: String(label), isPoint,
      picture: PICTURE_KEYS.map((each) => value[each]).find(Number.isInteger)});
  };
  for (const value of jsonValues(source)) add(value);
  return boxes;
}

/// Where an element lies, in parts of its parent.
export function place(element, box) {
  element.style.left = `${box.left * 100}%`;
  element.style.top = `${box.top * 100}%`;
  element.style.width = `${box.width * 100}%`;
  element.style.height = `${box.height * 100}%`;
}

const COLORS = 6;

/// A picture with boxes, and their labels below; a label and its box light up together.
function boxedPicture(attachment, boxes) {
  const marks = boxes.map((box, i) => {
    const mark = h('span', {class: `mark color-${i % COLORS}${box.isPoint ? ' is-point' : ''}`},
        h('span', {class: 'mark-number'}, String(i + 1)));
    place(mark, box);
    return mark;
  });
  const labels = boxes.map((box, i) => h('li', {class: `label color-${i % COLORS}`},
      h('span', {class: 'label-number'}, String(i + 1)), box.label || '—'));
  const light = (i, isLit) => {
    marks[i].classList.toggle('is-lit', isLit);
    labels[i].classList.toggle('is-lit', isLit);
  };
  for (let i = 0; i < boxes.length; ++i) {
    for (const each of [marks[i], labels[i]]) {
      each.addEventListener('pointerenter', () => light(i, true));
      each.addEventListener('pointerleave', () => light(i, false));
    }
  }
  return h('div', {class: 'boxed'},
      h('div', {class: 'boxed-picture', role: 'img', tLabel: 'boxes.picture'},
          attachment.thumbnail({alt: ''}), ...marks),
      h('div', {},
          h('p', {class: 'boxed-title'}, icon('boxes'),
              h('span', {t: 'boxes.found', tVars: {n: boxes.length}})),
          h('ol', {class: 'labels'}, ...labels)));
}

/// Boxes over the pictures that they are of. Where an answer does not say which, they are drawn
/// over the last one, and the reader may take another.
export function boxedPictures(pictures, boxes) {
  if (pictures.length === 1) return boxedPicture(pictures[0], boxes);
  const isNumbered = boxes.every(({picture}) => picture >= 1 && picture <= pictures.length);
  if (isNumbered) {
    return h('div', {class: 'boxed-all'}, ...pictures.flatMap((picture, i) => {
      const own = boxes.filter((box) => box.picture === i + 1);
      return own.length > 0 ? [boxedPicture(picture, own)] : [];
    }));
  }
  const shown = h('div', {});
  const choices = pictures.map((picture) => h('button', {type: 'button', class: 'document',
    'aria-label': picture.name, title: picture.name, onclick: () => show(picture)},
      picture.thumbnail({alt: ''})));
  const show = (chosen) => {
    shown.replaceChildren(boxedPicture(chosen, boxes));
    choices.forEach((choice, i) =>
        choice.setAttribute('aria-pressed', String(pictures[i] === chosen)));
  };
  show(pictures[pictures.length - 1]);
  return h('div', {class: 'boxed-all'},
      h('div', {class: 'boxed-choice', role: 'group', tLabel: 'boxes.which'},
          h('p', {class: 'help', t: 'boxes.which'}), ...choices), shown);
}
