package io.nearkv.core.transfer;

import io.nearkv.core.Metadata;

/** Writes JSON that takes no more than its line. */
final class JsonText {
    private JsonText() {}

    /** Returns metadata on one line: line breaks in JSON are white space between its parts, never inside of texts. */
    static String oneLine(Metadata metadata) {
        return metadata.json().strip().replace('\n', ' ').replace('\r', ' ');
    }

    /** Returns the text in quotes, on one line for every reader: also what only some take for line breaks is escaped. */
    static String quoted(String text) {
        StringBuilder out = new StringBuilder(text.length() + 16).append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 0x20 || c == 0x7f || c == '\u0085' || c == '\u2028' || c == '\u2029') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
