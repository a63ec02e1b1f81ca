package io.nearkv.net.client;

import static java.util.Objects.requireNonNull;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * Reads what a token says about itself, without verifying it: the client believes its own token, and the server verifies it. Here instead of a library,
 * because an application that embeds only the client needs two texts of one JSON object and nothing more.
 */
final class TokenPayload {
    /** Longest token that is looked into; those that the servers make are shorter than 8 KiB. */
    private static final int MAX_TOKEN_CHARS = 8 * 1024;

    private final String json;

    private TokenPayload(String json) {
        this.json = json;
    }

    /** Returns the payload of a token; {@link IllegalArgumentException} if it has not the form of one. Its message never holds the token. */
    static TokenPayload of(String token) {
        requireNonNull(token, "token");
        int first = token.indexOf('.');
        int second = token.indexOf('.', first + 1);
        if (token.length() > MAX_TOKEN_CHARS || first < 0 || second < 0) {
            throw malformed(null);
        }
        try {
            byte[] bytes = Base64.getUrlDecoder().decode(token.substring(first + 1, second));
            return new TokenPayload(new String(bytes, StandardCharsets.UTF_8));
        } catch (IllegalArgumentException e) {
            throw malformed(e);
        }
    }

    private static IllegalArgumentException malformed(@Nullable Throwable cause) {
        return new IllegalArgumentException(
                "token: not one (expected: three parts with dots between, as 'nearkv token create' prints it)", cause);
    }

    /**
     * Returns the text of a member of the outermost object, or null if there is none, or it is no text, or it is written with escapes (which none of the claims that
     * are read here ever needs).
     */
    @Nullable
    String text(String name) {
        int depth = 0;
        int at = 0;
        while (at < json.length()) {
            char c = json.charAt(at);
            if (c == '{' || c == '[') {
                depth++;
            } else if (c == '}' || c == ']') {
                depth--;
            } else if (c == '"') {
                int end = endOfString(at);
                if (end < 0) {
                    return null;
                }
                int colon = skipSpace(end + 1);
                if (depth == 1
                        && colon < json.length()
                        && json.charAt(colon) == ':'
                        && json.substring(at + 1, end).equals(name)) {
                    return textAt(skipSpace(colon + 1));
                }
                at = end;
            }
            at++;
        }
        return null;
    }

    private @Nullable String textAt(int at) {
        if (at >= json.length() || json.charAt(at) != '"') {
            return null;
        }
        int end = endOfString(at);
        String text = end < 0 ? "\\" : json.substring(at + 1, end);
        return text.indexOf('\\') >= 0 ? null : text;
    }

    /** Returns the index of the quote that ends the string that begins here, or -1. */
    private int endOfString(int quote) {
        for (int i = quote + 1; i < json.length(); i++) {
            char c = json.charAt(i);
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                return i;
            }
        }
        return -1;
    }

    private int skipSpace(int from) {
        int at = from;
        while (at < json.length() && " \t\r\n".indexOf(json.charAt(at)) >= 0) {
            at++;
        }
        return at;
    }
}
