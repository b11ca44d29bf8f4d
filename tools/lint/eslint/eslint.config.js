// What ESLint looks for (make lint): its own recommended rules, and what modules never need.
import js from "@eslint/js";
import globals from "globals";

const rules = {
    "no-control-regex": "off", // a terminal's escape sequences begin with a control character
    "eqeqeq": "error",
    "no-var": "error",
    "prefer-const": "error",
};

export default [
    js.configs.recommended,
    { languageOptions: { ecmaVersion: "latest", sourceType: "module", globals: globals.browser }, rules },
    { files: ["**/*.mjs"], languageOptions: { globals: globals.node } }, // they run under node
    // Functions in them run in the page.
    { files: ["tests/web/**"], languageOptions: { globals: { ...globals.browser, quire: "readonly", labPage: "readonly", axe: "readonly" } } },
    { files: ["web/sw.js"], languageOptions: { globals: globals.serviceworker } },
];
