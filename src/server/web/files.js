// Pictures and PDF that the user gives: dropped, pasted or picked.
import {h, icon} from './dom.js';
import {ApiError} from './api.js';
import {size, text} from './texts.js';

export const ACCEPT = 'image/*,.heic,.heif,.avif,.tif,.tiff,.webp,.bmp,.pdf,application/pdf';

/// Base64 is a third longer, and the server takes 64 MB.
const MOST_BYTES = 46e6;

const PICTURE_NAME = /\.(jpe?g|png|webp|hei[cf]|avif|tiff?|gif|bmp)$/i;
const PDF_NAME = /\.pdf$/i;
/// Not every browser shows these, or all of their pages.
const DRAWN_ELSEWHERE = /\.(hei[cf]|tiff?)$/i;

/// One file, and what can be shown of it.
export class Attachment {
  constructor(file) {
    this.file = file;
    this.name = file.name || 'picture.png';
    this.isPdf = file.type === 'application/pdf' || PDF_NAME.test(this.name);
    this.isDrawnElsewhere = this.isPdf || DRAWN_ELSEWHERE.test(this.name);
    this.url = this.isPdf ? null : URL.createObjectURL(file);
    this.uri = null;
  }

  /// The file as a data URI, read once.
  async dataUri() {
    this.uri ??= await new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.onerror = () => reject(new ApiError(text('error.unreadable', {name: this.name}),
          text('error.unreadable.help')));
      const type = this.isPdf ? 'application/pdf' : this.file.type || 'image/png';
      reader.readAsDataURL(this.file.slice(0, this.file.size, type));
    });
    return this.uri;
  }

  /// Its part of a message of OpenAI's API.
  async part() {
    const uri = await this.dataUri();
    return this.isPdf ? {type: 'file', file: {filename: this.name, file_data: uri}} :
                        {type: 'image_url', image_url: {url: uri}};
  }

  /// A small picture of it; one that the browser cannot show (HEIC, TIFF) becomes a sheet.
  thumbnail(props = {}) {
    const sheet = () => h('span', {class: 'sheet', role: 'img', 'aria-label': this.name},
        icon(this.isPdf ? 'page' : 'picture'),
        h('span', {}, this.name.split('.').pop().slice(0, 5)));
    if (this.isPdf) return sheet();
    const image = h('img', {src: this.url, alt: this.name, ...props});
    image.addEventListener('error', () => image.replaceWith(sheet()));
    return image;
  }

  release() {
    if (this.url) URL.revokeObjectURL(this.url);
  }
}

/// Throws ApiError if the files are too large for one request.
export function checkSize(attachments) {
  const total = attachments.reduce((sum, each) => sum + each.file.size, 0);
  if (total <= MOST_BYTES) return;
  const largest = attachments.reduce((a, b) => (a.file.size >= b.file.size ? a : b));
  throw new ApiError(text('error.large', {name: largest.name, size: size(largest.file.size)}),
      text('error.large.help', {limit: size(MOST_BYTES)}));
}

/// Attachments of the files that are pictures or PDF, and the names of the others.
export function sortFiles(files) {
  const good = [];
  const bad = [];
  for (const file of files) {
    const isGood = file.type.startsWith('image/') || file.type === 'application/pdf' ||
        PICTURE_NAME.test(file.name) || PDF_NAME.test(file.name);
    if (isGood) good.push(new Attachment(file));
    else bad.push(file.name);
  }
  return {good, bad};
}

/// An address within the page for the bytes of a data URI, which its policy would not show.
export function blobUrl(dataUri) {
  const bytes = Uint8Array.from(atob(dataUri.slice(dataUri.indexOf(',') + 1)),
      (each) => each.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], {type: 'image/jpeg'}));
}

/// Opens the browser's own window to pick files.
export function pickFiles(onFiles) {
  const input = h('input', {type: 'file', multiple: true, accept: ACCEPT});
  input.addEventListener('change', () => onFiles([...input.files]));
  input.click();
}

/// Gives files that are dropped on or pasted into the page to `onFiles`.
export function watchFiles(onFiles) {
  const drop = document.getElementById('drop');
  const hasFiles = (event) => [...event.dataTransfer.types].includes('Files');
  let depth = 0;
  const leave = () => {
    depth = 0;
    drop.hidden = true;
  };
  addEventListener('dragenter', (event) => {
    if (!hasFiles(event)) return;
    ++depth;
    drop.hidden = false;
  });
  addEventListener('dragleave', (event) => {
    if (hasFiles(event) && --depth <= 0) leave();
  });
  addEventListener('dragover', (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    leave();
    onFiles([...event.dataTransfer.files]);
  });
  addEventListener('paste', (event) => {
    const files = [...event.clipboardData.files];
    if (files.length === 0) return;
    event.preventDefault();
    onFiles(files);
  });
}
