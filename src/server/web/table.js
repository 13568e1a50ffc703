// Tables for other programs.

/// A spreadsheet takes a cell that begins so for a formula, and a caption may come from a hostile
/// picture: an apostrophe makes it a text (OWASP, "CSV Injection").
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

function cellOf(value) {
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/// Rows of texts as CSV (RFC 4180), with the mark by which Excel knows UTF-8.
export function csvOf(rows) {
  return '\ufeff' + rows.map((row) => row.map(cellOf).join(',') + '\r\n').join('');
}
