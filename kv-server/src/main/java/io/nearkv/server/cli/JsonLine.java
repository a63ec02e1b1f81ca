package io.nearkv.server.cli;

import org.jspecify.annotations.Nullable;

/**
 * One JSON object on one line, in the making. By hand, because the one thing that a command needs is to write an object, and loading a JSON library takes longer
 * than the command. Not thread-safe.
 */
public final class JsonLine {
    private final StringBuilder text = new StringBuilder("{");

    /** Adds a text; null adds nothing. */
    public JsonLine text(String name, @Nullable String value) {
        if (value != null) {
            name(name);
            quote(value);
        }
        return this;
    }

    /** Adds a number. */
    public JsonLine number(String name, long value) {
        name(name);
        text.append(value);
        return this;
    }

    /** Adds a boolean. */
    public JsonLine bool(String name, boolean value) {
        name(name);
        text.append(value);
        return this;
    }

    /** Adds what is JSON already; null adds nothing. */
    public JsonLine json(String name, @Nullable String json) {
        if (json != null) {
            name(name);
            // Line ends are legal between the parts of a document and nowhere else, so a blank in their place changes
            // nothing.
            text.append(json.replace('\n', ' ').replace('\r', ' '));
        }
        return this;
    }

    private void name(String name) {
        if (text.length() > 1) {
            text.append(',');
        }
        quote(name);
        text.append(':');
    }

    private void quote(String value) {
        text.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '"' -> text.append("\\\"");
                case '\\' -> text.append("\\\\");
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\t' -> text.append("\\t");
                default -> {
                    if (c < 0x20 || c == 0x7F || c == '\u2028' || c == '\u2029') {
                        text.append(String.format("\\u%04x", (int) c));
                    } else {
                        text.append(c);
                    }
                }
            }
        }
        text.append('"');
    }

    /** Returns the object. */
    @Override
    public String toString() {
        return text + "}";
    }
}
