// Gettext's plural rules: pluralRule("n%10==1 && n%100!=11 ? 0 : 1") gives the function from n to a form.
//
// The grammar is C's, for whole numbers: ?:, ||, &&, == !=, < > <= >=, + -, * / %, !, parentheses, n and numbers.
// The Content-Security-Policy forbids eval and new Function, so the expression is parsed into closures.

const TOKEN = /\s*(\d+|n|\|\||&&|[=!<>]=|[-+*/%!<>?:()])/y;
const LEVELS = [
  { "||": (a, b) => Number(Boolean(a || b)) },
  { "&&": (a, b) => Number(Boolean(a && b)) },
  { "==": (a, b) => Number(a === b), "!=": (a, b) => Number(a !== b) },
  {
    "<": (a, b) => Number(a < b),
    ">": (a, b) => Number(a > b),
    "<=": (a, b) => Number(a <= b),
    ">=": (a, b) => Number(a >= b),
  },
  { "+": (a, b) => a + b, "-": (a, b) => a - b },
  // As on the server, also below zero: Python's division rounds down.
  { "*": (a, b) => a * b, "/": (a, b) => Math.floor(a / b), "%": (a, b) => a - b * Math.floor(a / b) },
];

function tokens(expression) {
  const found = [];
  const text = expression.trim();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) {
      throw new SyntaxError(`plural rule: ${text.slice(at)}`);
    }
    found.push(match[1]);
  }
  return found;
}

/** Parses a rule. Throws a SyntaxError for what is none. */
export function pluralRule(expression) {
  const rest = tokens(expression);

  function expect(token) {
    if (rest.shift() !== token) {
      throw new SyntaxError(`plural rule: ${token} is missing`);
    }
  }

  function ternary() {
    const condition = binary(0);
    if (rest[0] !== "?") {
      return condition;
    }
    rest.shift();
    const yes = ternary();
    expect(":");
    const no = ternary();
    return (n) => (condition(n) ? yes(n) : no(n));
  }

  function binary(level) {
    if (level === LEVELS.length) {
      return unary();
    }
    let left = binary(level + 1);
    while (Object.hasOwn(LEVELS[level], rest[0] || "")) {
      const [apply, before] = [LEVELS[level][rest.shift()], left];
      const right = binary(level + 1);
      left = (n) => apply(before(n), right(n));
    }
    return left;
  }

  function unary() {
    const token = rest.shift();
    if (token === "!") {
      const value = unary();
      return (n) => Number(!value(n));
    }
    if (token === "(") {
      const value = ternary();
      expect(")");
      return value;
    }
    if (token === "n") {
      return (n) => n;
    }
    if (!/^\d+$/.test(token || "")) {
      throw new SyntaxError(`plural rule: ${token}`);
    }
    return () => Number(token);
  }

  const rule = ternary();
  if (rest.length) {
    throw new SyntaxError(`plural rule: ${rest.join(" ")}`);
  }
  return rule;
}
