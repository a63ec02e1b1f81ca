package io.nearkv.net.rest;

import io.nearkv.core.Key;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The header lines of one part of a form, collected as they arrive. Lines end with CR LF; a line that ends otherwise, has a control character or is continued on the next is
 * refused: no client writes it, and it is where two readers of one form come to different results. Confined to the thread of its reader.
 */
final class PartHeaders {
    private static final String DISPOSITION = "Content-Disposition";

    private byte[] lines = new byte[256];
    private int length;
    private int lineStart;

    private @Nullable HeaderValue disposition;
    private @Nullable String contentType;

    /** Returns the name of the part, after the empty line. */
    String name() {
        String name = requireDisposition().parameter("name");
        if (name == null) {
            throw BodyRefusal.invalid("a part of the form has no name");
        }
        return unescapePercent(name);
    }

    /** Returns the name of the file, or null if the part is none. */
    @Nullable
    String fileName() {
        String extended = requireDisposition().parameter("filename*");
        if (extended != null) {
            return decodeExtended(extended);
        }
        String plain = requireDisposition().parameter("filename");
        return plain == null ? null : unescapePercent(plain);
    }

    /** Returns the content type as it was sent, or null if there is none. */
    @Nullable
    String contentType() {
        return contentType;
    }

    private HeaderValue requireDisposition() {
        if (disposition == null) {
            throw BodyRefusal.invalid("a part of the form has no " + DISPOSITION);
        }
        return disposition;
    }

    /**
     * Takes bytes up to the empty line that ends the headers, borrows {@code in}. Returns whether that line has come.
     *
     * @throws RestException 400 for a malformed line, 413 beyond {@link BodyLimits#MAX_PART_HEADER_BYTES}
     */
    boolean read(ByteBuf in) {
        while (in.isReadable()) {
            int newline = in.bytesBefore((byte) '\n');
            append(in, newline < 0 ? in.readableBytes() : newline + 1);
            if (newline < 0) {
                return false;
            }
            if (length - lineStart < 2 || lines[length - 2] != '\r') {
                throw BodyRefusal.invalid("a header line of a part of the form does not end with CR LF");
            }
            if (length - lineStart == 2) {
                return true;
            }
            take(line(lineStart, length - 2));
            lineStart = length;
        }
        return false;
    }

    private void append(ByteBuf in, int count) {
        if (count > BodyLimits.MAX_PART_HEADER_BYTES - length) {
            throw BodyRefusal.tooLarge(
                    "the headers of a part of the form have more than " + BodyLimits.MAX_PART_HEADER_BYTES + " bytes");
        }
        if (length + count > lines.length) {
            lines = java.util.Arrays.copyOf(lines, Math.max(2 * lines.length, length + count));
        }
        in.readBytes(lines, length, count);
        length += count;
    }

    private String line(int from, int to) {
        for (int i = from; i < to; i++) {
            if ((lines[i] >= 0 && lines[i] < ' ' && lines[i] != '\t') || lines[i] == 0x7F) {
                throw BodyRefusal.invalid("a header line of a part of the form has a control character");
            }
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(lines, from, to - from))
                    .toString();
        } catch (CharacterCodingException e) {
            throw BodyRefusal.invalid("a header line of a part of the form is not UTF-8");
        }
    }

    private void take(String line) {
        int colon = line.indexOf(':');
        String name = colon < 0 ? "" : line.substring(0, colon);
        if (!HeaderValue.isToken(name)) {
            throw BodyRefusal.invalid("a header line of a part of the form is malformed");
        }
        String value = line.substring(colon + 1).strip();
        switch (name.toLowerCase(Locale.ROOT)) {
            case "content-disposition" -> {
                if (disposition != null) {
                    throw BodyRefusal.invalid("a part of the form has two headers " + DISPOSITION);
                }
                disposition = HeaderValue.parse(DISPOSITION, value, HeaderValue.Quoting.FORM);
                if (!disposition.word().equals("form-data")) {
                    throw BodyRefusal.invalid(DISPOSITION + " of a part is '" + Key.display(disposition.word())
                            + "' (expected: form-data)");
                }
            }
            case "content-type" -> {
                if (contentType != null) {
                    throw BodyRefusal.invalid("a part of the form has two headers Content-Type");
                }
                contentType = value;
            }
            case "content-transfer-encoding" -> {
                // Deprecated by RFC 7578. Where it changes nothing it is harmless; stored undecoded, the others would
                // be a damaged value.
                String encoding = value.toLowerCase(Locale.ROOT);
                if (!encoding.equals("binary") && !encoding.equals("8bit") && !encoding.equals("7bit")) {
                    throw BodyRefusal.invalid("Content-Transfer-Encoding of a part is '" + Key.display(value)
                            + "' (expected: none, or binary)");
                }
            }
            default -> {
                // Clients add headers of their own, such as Content-Length.
            }
        }
    }

    /** Resolves the three escapes that browsers make in names (HTML, section 4.10.21.8). Any other percent sign is itself. */
    private static String unescapePercent(String text) {
        if (text.indexOf('%') < 0) {
            return text;
        }
        return text.replace("%22", "\"")
                .replace("%0D", "\r")
                .replace("%0d", "\r")
                .replace("%0A", "\n")
                .replace("%0a", "\n");
    }

    /** Decodes {@code charset'language'percent-encoded} (RFC 8187). */
    private static String decodeExtended(String text) {
        int first = text.indexOf('\'');
        int second = first < 0 ? -1 : text.indexOf('\'', first + 1);
        if (second < 0 || !text.substring(0, first).equalsIgnoreCase("UTF-8")) {
            throw BodyRefusal.invalid("filename* of a part is malformed (expected: UTF-8''…)");
        }
        ByteBuffer bytes = ByteBuffer.allocate(text.length());
        for (int i = second + 1; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '%' && i + 2 < text.length() && isHex(text.charAt(i + 1)) && isHex(text.charAt(i + 2))) {
                bytes.put((byte) Integer.parseInt(text, i + 1, i + 3, 16));
                i += 2;
            } else if (c > ' ' && c < 0x7F && c != '%') {
                bytes.put((byte) c);
            } else {
                throw BodyRefusal.invalid("filename* of a part is malformed (expected: percent-encoded text)");
            }
        }
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes.flip()).toString();
        } catch (CharacterCodingException e) {
            throw BodyRefusal.invalid("filename* of a part is not UTF-8");
        }
    }

    private static boolean isHex(char c) {
        return c < 0x80 && Character.digit(c, 16) >= 0;
    }
}
