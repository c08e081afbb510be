/**
 * Text as people write it in a chat: words by Zipf's law over a large vocabulary, collocations, names, numbers,
 * punctuation. The commonest words stand here; the long tail is derived and invented, always the same.
 */

import { Random } from "./random.js";

const COMMON =
  "the of and to a in that is was it for on you he with as I his at be this have from or by not but what all were " +
  "we when your can said there use an each which she do how their if will up other about out many then them these " +
  "so some her would make like him into time has look two more write go see number no way could people my than " +
  "first been call who its now find long down day did get come made may part over new take only little work know " +
  "place year live me back give most very after thing our just name good man think say great where help through " +
  "much before line right too mean old any same tell boy follow came want show also around form three small set " +
  "put end does another well large must big even such because turn here why ask went men read need land different " +
  "home us move try kind hand picture again change off play air away animal house point page letter mother answer " +
  "found study still learn should world okay yeah lol thanks please sorry maybe really actually probably";

const STEMS =
  "build ship rope harbour morning water light sail captain deploy server ticket review branch merge meet lunch " +
  "train order invoice customer market price report budget window garden kitchen summer winter report travel " +
  "check start stop wait open close push pull test fail pass break fix plan call listen watch walk drive carry " +
  "paint count measure compare collect remember forget believe wonder travel cross reach touch press hold drop " +
  "lift turn join split share send receive answer question problem reason result effect cause matter moment " +
  "minute hour week month season river mountain island village street corner bridge station engine machine " +
  "paper letter story song music picture film game party friend neighbour teacher student doctor driver worker " +
  "player owner member leader manager partner stranger child parent brother sister daughter cousin family nation " +
  "language science history nature culture religion politic econom industr education energy material product " +
  "process system program project model method theory version feature design pattern level degree amount figure " +
  "value rate scale range limit account record detail point sign symbol colour shape surface structure section";

const ENDINGS = ["", "s", "ed", "ing", "er", "ly", "al", "ment"];

const SYLLABLES =
  "an ber cal dor el fin gra hol in jor ka lem mar nor ost pel qui ran sta tor ul ven wil xen yar zem ti ro la me " +
  "con de pre sub inter trans able ic ous ive ent ance ure ion age ist dom ship ful ness";

export const NAMES =
  "Marta Jonas Aiko Pedro Lena Omar Chloe Dmitri Ingrid Tunde Sofia Liam Noor Mateus Hana Erik Priya Wei Amara " +
  "Felix Greta Yusuf Nadia Tomasz Elif Bruno Keira Anders Rosa Viktor";

const SURNAMES =
  "Keller Okafor Tanaka Silva Novak Hansen Moreau Petrov Haddad Lindqvist Costa Murphy Schmidt Yilmaz Rossi Kim " +
  "Nguyen Fernandez Kowalski Johansson Adeyemi Weber Dubois Ivanova Patel";

/** `count` words that nobody uses but that look as if. */
function invent(count: number, syllables: readonly string[], between: readonly [number, number]): string[] {
  const random = new Random(count);
  return Array.from({ length: count }, () =>
    Array.from({ length: random.between(...between) }, () => random.pick(syllables)).join(""),
  );
}

const inflected = ENDINGS.flatMap((ending) => STEMS.split(" ").map((stem) => stem + ending));
const VOCABULARY = [...COMMON.split(" "), ...inflected, ...invent(3000, SYLLABLES.split(" "), [2, 4])];
const names = NAMES.split(" ");
const surnames = SURNAMES.split(" ");

/** How often a word is followed by one of those that like to follow it. */
const COLLOCATION = 0.3;
const FAVOURITES = 4;

export function fullName(random: Random): string {
  return `${random.pick(names)} ${random.pick(surnames)}`;
}

/** A word; what came before it makes some likelier. */
function follow(random: Random, before: number): number {
  if (before >= 0 && random.chance(COLLOCATION)) {
    const favourite = new Random(before * FAVOURITES + random.below(FAVOURITES));
    return zipfIndex(favourite, 600);
  }
  return zipfIndex(random, VOCABULARY.length);
}

function zipfIndex(random: Random, limit: number): number {
  return Math.floor((limit + 1) ** random.fraction()) - 1;
}

/** A sentence, with a capital and a full stop where people set them. */
export function sentence(random: Random): string {
  const length = random.between(3, 18);
  const words: string[] = [];
  for (let i = 0, at = -1; i < length; i++) {
    at = follow(random, at);
    let word = VOCABULARY[at];
    if (random.chance(0.02)) word = random.pick(names);
    else if (random.chance(0.015)) word = String(random.below(random.pick([10, 100, 2500])));
    if (i < length - 1 && random.chance(0.06)) word += random.pick([",", ",", ",", ";", ":", " -"]);
    words.push(word);
  }
  const text = words.join(" ");
  return text[0].toUpperCase() + text.slice(1) + random.pick([".", ".", ".", ".", "?", "!", "..."]);
}

/** Sentences until there are at least `length` characters. */
export function prose(random: Random, length: number): string {
  let text = "";
  while (text.length < length) {
    text += sentence(random) + (random.chance(0.12) ? "\n" : " ");
  }
  return text;
}

// Other languages ─────────────────────────────────────────────────────────────────────────────────

interface Language {
  readonly words: readonly string[];
  /** Between words, and behind a sentence. */
  readonly space: string;
  readonly stop: string;
}

function language(common: string, syllables: string, space = " ", stop = "."): Language {
  const words = [...common.split(" "), ...invent(700, syllables.split(" "), space === "" ? [1, 2] : [2, 4])];
  return { words, space, stop };
}

const LANGUAGES: readonly Language[] = [
  language(
    "die der und in zu den das nicht von sie ist des sich mit dem dass er es ein ich auf so eine auch als an nach wie " +
      "im für man aber aus durch wenn nur war noch werden bei hat wir was wird sein einen welche sind oder um haben " +
      "über schön grüße Straße heute morgen später können müssen",
    "an be ge ver ent schaft keit ung lich isch tür öff mä ße fah ren stel len gang hal ten wür bau hof stra",
  ),
  language(
    "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec son mais comme " +
      "ou si leur y dont tout nous sa bien être deux même aussi été fait où voilà ça très déjà peut-être",
    "con dé pré tion eur té lé cour mai fran che rie bon jou en fin par tir ger ment rai son cha peau é ve",
  ),
  language(
    "и в не на я быть он с что а по это она этот к но они мы весь который из у то за свой ещё от так о для ты же " +
      "все тот мочь вы человек такой его сказать только или бы себя один как уже когда сегодня спасибо хорошо",
    "по при ста но во ра ла ти ни ре мо ко за вы ен ость ник ция ль го да ле бо ру че жи",
  ),
  language(
    "και το να του η της με που την από για τα είναι των σε ο οι στο θα τη δεν τον μου στην τι σας αυτό ένα καλά",
    "κα λο πα ρα μέ νο στη τι κή σι με τα φο ρά δη μο λό γι ος ου ας",
  ),
  language(
    "في من على أن إلى التي عن لا ما هذا هذه الذي كان قد لم بعد كل بين ذلك عند حتى أو شكرا اليوم نعم",
    "ال مد رس كت اب سف ين بح ر مي نا ء حب ل طر يق بي ت شم س قم ر",
  ),
  language(
    "の に は を た が で て と し れ さ ある いる も する から な こと として い や れる など なっ ない この ため その あっ よう また もの " +
      "今日 明日 港 船 昨日 私たち ありがとう お願いします です ます でした",
    "会 社 時 間 東 京 電 車 学 生 仕 事 新 聞 海 岸 町 話 食 べ 飲 み 行 き 来 る 見 え 思 っ 言 わ ア プ リ サ ー バ テ ス ト",
    "",
    "。",
  ),
  language(
    "的 一 是 不 了 在 人 有 我 他 这 个 们 中 来 上 大 为 和 国 地 到 以 说 时 要 就 出 会 可 也 你 对 生 能 而 子 那 得 于 着 " +
      "下 自 之 年 过 发 后 作 里 今天 谢谢 没关系",
    "船 港 口 缆 绳 码 头 海 天 风 浪 朋 友 问 题 方 法 系 统 数 据 服 务 器 消 息 连 接 城 市 火 车 工 作 学 校 老 师",
    "",
    "。",
  ),
  language(
    "이 그 저 것 수 등 들 및 에서 하는 있는 하고 우리 오늘 내일 감사합니다 그리고 하지만 때문에 있습니다 했습니다",
    "배 항 구 밧 줄 바 다 사 람 시 간 회 의 문 제 해 결 도 시 기 차 학 교 선 생 님 은 는 을 를",
  ),
];

const EMOJI = [
  ..."👋🌍🚢🪢😀😃😄🎉🔥💬🧵🐳🌊🥳🫡🚀📦🧭🛟🎣💙😂🤣😊🙏👍👀💯✨🎂🍕☕",
  ..."⚓️ 👩‍💻 🙏🏽 🤝🏼 🗺️ 🏴‍☠️ ❤️".split(" "),
];

/** Messages of people from everywhere, until there are at least `length` characters. */
export function multilingual(random: Random, length: number): string {
  let text = "";
  while (text.length < length) {
    if (random.chance(0.2)) {
      text += sentence(random);
    } else {
      const { words, space, stop } = random.pick(LANGUAGES);
      text += Array.from({ length: random.between(3, 16) }, () => random.pickZipf(words)).join(space) + stop;
    }
    while (random.chance(0.35)) text += ` ${random.pickZipf(EMOJI)}`;
    text += random.chance(0.4) ? "\n" : " ";
  }
  return text;
}
