// What a key means, where input methods make it ambiguous.

/** Whether a key event belongs to an input method, which composes a word in Japanese, Chinese or Korean. */
function isComposing(event) {
  // Safari ends the composition before the Enter that ends it: isComposing is false by then, and only the old keyCode
  // 229 ("handled by the input method") tells. https://bugs.webkit.org/show_bug.cgi?id=165004
  return event.isComposing || event.keyCode === 229;
}

/** Whether a key event is an Enter that the page may act on. */
function isEnter(event) {
  return event.key === "Enter" && !isComposing(event);
}

/** Whether it asks to send what is being written: Ctrl+Enter, or Cmd+Enter on a Mac. */
function isSendCommand(event) {
  return isEnter(event) && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
}

/** Whether Enter alone sends, in a field where Shift+Enter begins a new line. On a phone Enter is the only new line. */
function isSend(event) {
  const plain = isEnter(event) && !event.shiftKey && !event.altKey && !window.matchMedia("(pointer: coarse)").matches;
  return plain || isSendCommand(event);
}

export { isComposing, isEnter, isSend, isSendCommand };
