/** HTML as servers render it: navigation, cards, tables, a form. */

import { fullName, prose, sentence } from "./prose.js";
import type { Random } from "./random.js";

const SECTIONS = ["news", "products", "about", "support", "blog", "careers", "docs", "pricing"];
const BUTTON = "btn btn-primary btn-sm rounded-pill";

function card(random: Random): string {
  const id = random.between(1000, 99_999);
  const path = `/${random.pick(SECTIONS)}/${id}-${random.hex(6)}`;
  return `
      <article class="card card--${random.pick(SECTIONS)} shadow-sm mb-4" id="item-${id}" data-id="${id}">
        <a class="card__link" href="${path}" title="${sentence(random)}">
          <img class="card__image lazy" loading="lazy" src="/media/${random.hex(10)}.webp" width="${320 + 16 * random.below(8)}" height="180" alt="">
        </a>
        <div class="card__body">
          <h3 class="card__title"><a href="${path}">${sentence(random)}</a></h3>
          <p class="card__text">${prose(random, random.between(60, 260)).trim()}</p>
          <span class="card__meta text-muted">by <a rel="author" href="/people/${id % 997}">${fullName(random)}</a> &middot; <time datetime="2024-0${random.between(1, 9)}-${random.between(10, 28)}">${random.between(2, 28)} days ago</time></span>
          <button type="button" class="${BUTTON}" data-action="save" data-token="${random.hex(16)}">Save</button>
        </div>
      </article>`;
}

function row(random: Random): string {
  const cells = [fullName(random), random.below(90_000) / 100, random.pick(SECTIONS), random.below(2000)];
  return `
        <tr class="${random.pick(["odd", "even"])}">${cells.map((cell) => `<td class="cell">${cell}</td>`).join("")}</tr>`;
}

function navigation(random: Random): string {
  const items = SECTIONS.map(
    (name) =>
      `\n        <li class="nav__item${random.chance(0.1) ? " is-active" : ""}"><a class="nav__link" href="/${name}/">${name}</a></li>`,
  );
  return `
    <nav class="nav" aria-label="main">
      <ul class="nav__list">${items.join("")}
      </ul>
    </nav>`;
}

/** A page of about `length` characters; where that is too little for one, a piece of it for a script to insert. */
export function html(random: Random, length: number): string {
  if (length < 600) {
    let rows = row(random).trim();
    while (rows.length < length - 60) rows += row(random);
    return rows;
  }
  if (length < 1500) return card(random).trim();
  let body = navigation(random);
  while (body.length + 260 < length) {
    const rows = Array.from({ length: random.between(3, 10) }, () => row(random)).join("");
    body += random.chance(0.7)
      ? card(random)
      : `
      <table class="table table-striped"><tbody>${rows}
      </tbody></table>`;
  }
  return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>${sentence(random)}</title>
    <link rel="stylesheet" href="/assets/app-${random.hex(8)}.css">
  </head>
  <body class="page">${body}
  </body>
</html>
`;
}
