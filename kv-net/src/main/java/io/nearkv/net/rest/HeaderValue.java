package io.nearkv.net.rest;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The value of a {@code Content-Type} or {@code Content-Disposition} header: a word, then parameters (RFC 2045, section 5.1; RFC 6266).
 *
 * @param word what stands before the parameters, in lower case, such as {@code multipart/form-data}
 * @param parameters the values by their names in lower case; of quoted ones, what stands between the quotes, with the escapes that {@code quoting} has resolved
 */
record HeaderValue(String word, Map<String, String> parameters) {
    /** What a backslash inside quotes is. */
    enum Quoting {
        /** An escape, whatever follows (RFC 9110, section 5.6.4). */
        STANDARD,
        /**
         * An escape before a quote or another backslash, otherwise itself. In form names curl and urllib3 escape these two, browsers and undici escape neither
         * and write a quote as {@code %22}: this reads both, except for the rare name of a browser that has two backslashes in a row or one at its end.
         */
        FORM
    }

    HeaderValue {
        parameters = Map.copyOf(parameters);
    }

    /** Returns the value of a parameter, or null if it is not there. */
    @Nullable
    String parameter(String name) {
        return parameters.get(name);
    }

    /**
     * Parses a header value.
     *
     * @throws RestException 400 if it is malformed, or gives a parameter twice; the message begins with the header's name
     */
    static HeaderValue parse(String header, String text, Quoting quoting) {
        int semicolon = text.indexOf(';');
        String word =
                (semicolon < 0 ? text : text.substring(0, semicolon)).strip().toLowerCase(Locale.ROOT);
        if (word.isEmpty()) {
            throw BodyRefusal.invalid(header + " is empty");
        }
        Map<String, String> parameters = new HashMap<>();
        int at = semicolon < 0 ? text.length() : semicolon;
        while (at < text.length()) {
            // At a semicolon. An empty parameter, as behind a last semicolon, is none.
            at = skipSpace(text, at + 1);
            if (at == text.length() || text.charAt(at) == ';') {
                continue;
            }
            int equals = text.indexOf('=', at);
            String name = equals < 0 ? "" : text.substring(at, equals).strip().toLowerCase(Locale.ROOT);
            if (!isToken(name)) {
                throw BodyRefusal.invalid(header + " has a malformed parameter");
            }
            at = skipSpace(text, equals + 1);
            StringBuilder value = new StringBuilder();
            if (at < text.length() && text.charAt(at) == '"') {
                at = skipSpace(text, unquote(header, text, at + 1, quoting, value));
                if (at < text.length() && text.charAt(at) != ';') {
                    throw BodyRefusal.invalid(header + " goes on after the quotes of '" + name + "'");
                }
            } else {
                // Not only tokens: some clients leave out the quotes around a boundary that would need them.
                int end = text.indexOf(';', at);
                end = end < 0 ? text.length() : end;
                value.append(text.substring(at, end).strip());
                at = end;
            }
            if (parameters.put(name, value.toString()) != null) {
                throw BodyRefusal.invalid(header + " has '" + name + "' twice");
            }
        }
        return new HeaderValue(word, parameters);
    }

    /** Appends what stands between the quotes, and returns the index after the closing one. */
    private static int unquote(String header, String text, int from, Quoting quoting, StringBuilder out) {
        for (int at = from; at < text.length(); at++) {
            char c = text.charAt(at);
            if (c == '"') {
                return at + 1;
            }
            if (c == '\\' && at + 1 < text.length()) {
                char next = text.charAt(at + 1);
                if (quoting == Quoting.STANDARD || next == '"' || next == '\\') {
                    c = next;
                    at++;
                }
            }
            out.append(c);
        }
        throw BodyRefusal.invalid(header + " has a quote that is not closed");
    }

    private static int skipSpace(String text, int from) {
        int at = from;
        while (at < text.length() && (text.charAt(at) == ' ' || text.charAt(at) == '\t')) {
            at++;
        }
        return at;
    }

    /** Returns whether the text is a token (RFC 9110, section 5.6.2). */
    static boolean isToken(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean letterOrDigit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            if (!letterOrDigit && "!#$%&'*+-.^_`|~".indexOf(c) < 0) {
                return false;
            }
        }
        return !text.isEmpty();
    }
}
