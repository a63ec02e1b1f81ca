package io.nearkv.server.incident.report;

import java.util.Locale;

/** HTML or SVG in the making: what comes from outside is escaped. Not thread-safe. */
final class Html {
    private final StringBuilder text = new StringBuilder();

    /** Adds markup as it is. */
    Html raw(String markup) {
        text.append(markup);
        return this;
    }

    /** Adds text. */
    Html text(String plain) {
        text.append(escaped(plain));
        return this;
    }

    /** Adds markup with text in the place of each {@code {}}. */
    Html add(String markup, Object... plain) {
        int from = 0;
        for (Object each : plain) {
            int place = markup.indexOf("{}", from);
            if (place < 0) {
                throw new IllegalArgumentException("more values than places in: " + markup);
            }
            text.append(markup, from, place).append(escaped(shown(each)));
            from = place + 2;
        }
        text.append(markup, from, markup.length());
        return this;
    }

    private static String shown(Object value) {
        if (value instanceof Double number) {
            // Coordinates: a tenth of a pixel is enough.
            String fixed = String.format(Locale.ROOT, "%.1f", number);
            return fixed.endsWith(".0") ? fixed.substring(0, fixed.length() - 2) : fixed;
        }
        return String.valueOf(value);
    }

    static String escaped(String plain) {
        StringBuilder safe = new StringBuilder(plain.length());
        for (int i = 0; i < plain.length(); i++) {
            char c = plain.charAt(i);
            switch (c) {
                case '<' -> safe.append("&lt;");
                case '>' -> safe.append("&gt;");
                case '&' -> safe.append("&amp;");
                case '"' -> safe.append("&quot;");
                case '\'' -> safe.append("&#39;");
                default -> safe.append(c);
            }
        }
        return safe.toString();
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
