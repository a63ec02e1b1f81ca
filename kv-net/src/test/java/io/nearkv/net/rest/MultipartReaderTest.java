package io.nearkv.net.rest;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.net.rest.Bodies.Part;
import io.nearkv.net.rest.Bodies.Pieces;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MultipartReaderTest {
    private static final String TYPE = "multipart/form-data; boundary=b";

    private static List<Part> read(String form) {
        return Bodies.form(TYPE, form.getBytes(UTF_8), Pieces.whole(), false);
    }

    private static RestException refused(String form) {
        return Bodies.refusal(() -> read(form));
    }

    private static String part(String headers, String data) {
        return "--b\r\n" + headers + "\r\n\r\n" + data + "\r\n";
    }

    private static String named(String name, String data) {
        return part("Content-Disposition: form-data; name=\"" + name + "\"", data);
    }

    @Test
    void the_form_of_undici_is_read() {
        // FormData of Node 22 with a Blob and a text, as wrangler and the JavaScript SDK send it.
        String boundary = "----formdata-undici-048230513124";
        String form = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"value\"; filename=\"blob\"\r\n"
                + "Content-Type: application/octet-stream\r\n\r\nhello\r\nworld\r\n--" + boundary
                + "\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{\"a\":1}\r\n--" + boundary + "--\r\n";

        assertThat(Bodies.form(
                        "multipart/form-data; boundary=" + boundary, form.getBytes(UTF_8), Pieces.whole(), false))
                .containsExactly(
                        new Part("value", "blob", "application/octet-stream", "hello\r\nworld"),
                        new Part("metadata", null, null, "{\"a\":1}"));
    }

    @Test
    void the_form_of_curl_is_read() {
        String boundary = "------------------------d74496d66958873e";
        String form =
                "--" + boundary + "\r\nContent-Disposition: form-data; name=\"value\"; filename=\"a \\\"b\\\\.txt\"\r\n"
                        + "Content-Type: text/plain\r\n\r\n\r\n--" + boundary + "--\r\n";

        assertThat(Bodies.form(
                        "multipart/form-data; boundary=" + boundary, form.getBytes(UTF_8), Pieces.whole(), false))
                .containsExactly(new Part("value", "a \"b\\.txt", "text/plain", ""));
    }

    @Test
    void the_form_of_python_requests_is_read() {
        String boundary = "0d4a5bd6f0a64b4cb6e1f3c8ad1e8a6e";
        String form =
                "--" + boundary + "\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\nnull\r\n--" + boundary
                        + "\r\nContent-Disposition: form-data; name=\"value\"; filename*=utf-8''%C3%A4%20b\r\n\r\nv\r\n--"
                        + boundary + "--\r\n";

        assertThat(Bodies.form(
                        "multipart/form-data; boundary=" + boundary, form.getBytes(UTF_8), Pieces.whole(), false))
                .containsExactly(new Part("metadata", null, null, "null"), new Part("value", "ä b", null, "v"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "\"value\"|value",
                "value|value",
                "\"a%22b\"|a\"b",
                "\"a\\\"b\"|a\"b",
                "\"a\\\\b\"|a\\b",
                "\"C:\\dir\"|C:\\dir",
                "\"100%\"|100%",
                "\"a%2Fb\"|a%2Fb",
                "\"a;b=c\"|a;b=c",
                "\"ä€😀\"|ä€😀",
                "\"\"|~~"
            })
    void names_are_read_as_browsers_and_command_line_clients_write_them(String written, String name) {
        assertThat(read(part("content-disposition:form-data;name=" + written, "x") + "--b--"))
                .containsExactly(new Part(name, null, null, new String("x".getBytes(UTF_8), ISO_8859_1)));
    }

    @Test
    void line_ends_and_what_looks_like_a_boundary_are_data() {
        String data = "\r\r\n\n--b\r\n-b\r\n--\r\n--a\r\r\n-\r\n--B\n";

        assertThat(read(named("value", data) + "--b--")).containsExactly(new Part("value", null, null, data));
        assertThat(Bodies.form(TYPE, (named("value", data) + "--b--").getBytes(UTF_8), Pieces.of(1), true))
                .containsExactly(new Part("value", null, null, data));
    }

    @Test
    void text_around_the_parts_and_spaces_after_a_boundary_are_passed_over() {
        String form = "This is a message.\r\n--a\r\n" + named("value", "x").replace("--b\r\n", "--b \t\r\n")
                + "--b--\r\nbye --b";

        assertThat(read(form)).containsExactly(new Part("value", null, null, "x"));
    }

    @Test
    void a_form_without_parts_is_a_form() {
        assertThat(read("--b--")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "multipart/form-data; boundary=b",
                "Multipart/Form-Data;BOUNDARY=b",
                "multipart/form-data; boundary=\"b\"",
                "multipart/form-data; charset=utf-8; boundary=\"\\b\" ;",
                "multipart/form-data ; boundary = b"
            })
    void the_boundary_may_be_written_in_many_ways(String contentType) {
        assertThat(MultipartReader.accepts(contentType)).isTrue();
        assertThat(Bodies.form(contentType, (named("v", "x") + "--b--").getBytes(UTF_8), Pieces.whole(), false))
                .hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "multipart/form-data",
                "multipart/form-data; boundary=",
                "multipart/form-data; boundary=\"\"",
                "multipart/form-data; boundary=\"b",
                "multipart/form-data; boundary=\"b\"x",
                "multipart/form-data; boundary=\"b \"",
                "multipart/form-data; boundary=b\u0001",
                "multipart/form-data; boundary=é",
                "multipart/form-data; boundary=a; boundary=b",
                "multipart/form-data; boundary",
                "multipart/form-data; =b",
                "multipart/mixed; boundary=b",
                "; boundary=b",
                ""
            })
    void a_content_type_without_a_good_boundary_is_400(String contentType) {
        RestException refusal = Bodies.refusal(() -> MultipartReader.of(contentType));

        assertThat(refusal.status()).isEqualTo(400);
        assertThat(refusal.workersCode()).isEqualTo(WorkersCodes.VALIDATION);
    }

    @Test
    void a_boundary_has_at_most_70_characters() {
        String longest = "x".repeat(70);
        String form = "--" + longest + "\r\nContent-Disposition: form-data; name=v\r\n\r\n1\r\n--" + longest + "--";

        assertThat(Bodies.form("multipart/form-data; boundary=" + longest, form.getBytes(UTF_8), Pieces.of(7), false))
                .hasSize(1);
        assertThat(Bodies.refusal(() -> MultipartReader.of("multipart/form-data; boundary=x" + longest))
                        .status())
                .isEqualTo(400);
    }

    @Test
    void only_form_data_is_accepted() {
        assertThat(MultipartReader.accepts(null)).isFalse();
        assertThat(MultipartReader.accepts("multipart/form-data-x; boundary=b")).isFalse();
        assertThat(MultipartReader.accepts("application/x-www-form-urlencoded")).isFalse();
        assertThat(MultipartReader.accepts("text/plain; x=multipart/form-data")).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "x",
                "--b",
                "--b\r\n",
                "--b\r\nContent-Disposition: form-data; name=v\r\n\r\n",
                "--b\r\nContent-Disposition: form-data; name=v\r\n\r\nx",
                "--b\r\nContent-Disposition: form-data; name=v\r\n\r\nx\r\n--b",
                "--b\r\nContent-Disposition: form-data; name=v\r\n\r\nx\r\n--b-",
                // The empty line's end is not the line end before a boundary.
                "--b\r\nContent-Disposition: form-data; name=v\r\n\r\n--b--",
                "\n--b--"
            })
    void a_form_that_is_cut_off_is_400(String form) {
        assertThat(refused(form).getMessage()).contains("closing boundary");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--bx\r\n",
                "--b\n",
                "--b\r\r\n",
                "--b -x",
                "--b --",
                "--b-x",
                "--b\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data; name=\"a\"\nX: y\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data; name=ab\nX: yz\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data; name=\"a\"\n\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data; name=\"a\rb\"\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data; name=\"a\u0000b\"\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data;\r\n name=\"a\"\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Type: a\r\nContent-Type: b\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data; name=a; filename*=latin''x\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data; name=a; filename*=UTF-8''%C3\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition: form-data; name=a; filename*=UTF-8''%zz\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition : form-data; name=a\r\n\r\nx\r\n--b--",
                "--b\r\nContent-Disposition\r\n\r\nx\r\n--b--"
            })
    void a_malformed_form_is_400_however_it_is_cut(String form) {
        for (Pieces pieces : List.of(Pieces.whole(), Pieces.of(1), Pieces.of(3))) {
            RestException refusal = Bodies.refusal(() -> Bodies.form(TYPE, form.getBytes(UTF_8), pieces, false));

            assertThat(refusal.status()).isEqualTo(400);
            assertThat(refusal.workersCode()).isEqualTo(WorkersCodes.VALIDATION);
            assertThat(refusal.getMessage()).doesNotContain("closing boundary");
        }
    }

    @Test
    void a_header_that_is_not_utf8_is_400() {
        byte[] form = (part("Content-Disposition: form-data; name=\"\u00e4\"", "x") + "--b--").getBytes(ISO_8859_1);

        assertThat(Bodies.refusal(() -> Bodies.form(TYPE, form, Pieces.whole(), false))
                        .getMessage())
                .contains("UTF-8");
    }

    @Test
    void harmless_transfer_encodings_are_passed_over() {
        assertThat(read(part("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: Binary", "x")
                        + "--b--"))
                .hasSize(1);
    }

    @Test
    void part_headers_are_bounded() {
        String fits = "Content-Disposition: form-data; name=a\r\nX-Pad: ";
        fits += "x".repeat(BodyLimits.MAX_PART_HEADER_BYTES - fits.length() - 4);

        assertThat(read(part(fits, "x") + "--b--")).hasSize(1);
        assertThat(refused(part(fits + "x", "x") + "--b--").status()).isEqualTo(413);
        // Without any line end.
        assertThat(refused("--b\r\n" + "x".repeat(BodyLimits.MAX_PART_HEADER_BYTES + 1))
                        .status())
                .isEqualTo(413);
        assertThat(refused("--b" + " ".repeat(BodyLimits.MAX_PART_HEADER_BYTES + 1))
                        .status())
                .isEqualTo(400);
    }

    @Test
    void the_number_of_parts_is_bounded() {
        String most = named("a", "").repeat(BodyLimits.MAX_PARTS);

        assertThat(read(most + "--b--")).hasSize(BodyLimits.MAX_PARTS);
        RestException refusal = refused(most + named("a", "") + "--b--");
        assertThat(refusal.status()).isEqualTo(400);
        assertThat(refusal.getMessage()).contains("32 parts");
    }

    @Test
    void what_stands_around_the_parts_is_bounded() {
        String most = "\r".repeat(BodyLimits.MAX_AROUND_PARTS_BYTES - 2);

        assertThat(read(most + "\r\n--b--")).isEmpty();
        assertThat(read("--b--" + "x".repeat(BodyLimits.MAX_AROUND_PARTS_BYTES)))
                .isEmpty();
        assertThat(refused(most + "xxx\r\n--b--").status()).isEqualTo(413);
        assertThat(refused("x".repeat(BodyLimits.MAX_AROUND_PARTS_BYTES + 1)).status())
                .isEqualTo(413);
        assertThat(refused("--b--" + "x".repeat(BodyLimits.MAX_AROUND_PARTS_BYTES + 1))
                        .status())
                .isEqualTo(413);
    }

    @Test
    void data_is_handed_on_as_it_arrives_and_only_what_may_be_a_boundary_waits() {
        MultipartReader reader = MultipartReader.of(TYPE);
        AtomicLong seen = new AtomicLong();
        MultipartReader.Sink sink = new MultipartReader.Sink() {
            @Override
            public void beginPart(String name, @Nullable String fileName, @Nullable String contentType) {}

            @Override
            public void data(ByteBuf slice) {
                seen.addAndGet(slice.readableBytes());
            }

            @Override
            public void endPart() {}
        };
        reader.read(utf8("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n" + "x".repeat(1000)), sink);
        assertThat(seen).hasValue(1000);

        reader.read(utf8("\r\n--"), sink);
        assertThat(seen).hasValue(1000);

        reader.read(utf8("c"), sink);
        assertThat(seen).hasValue(1005);
    }

    @Test
    void what_a_sink_throws_leaves_the_reader() {
        MultipartReader.Sink full = new MultipartReader.Sink() {
            @Override
            public void beginPart(String name, @Nullable String fileName, @Nullable String contentType) {
                throw BodyRefusal.tooLarge("full");
            }

            @Override
            public void data(ByteBuf slice) {}

            @Override
            public void endPart() {}
        };

        assertThatThrownBy(() -> MultipartReader.of(TYPE).read(utf8(named("a", "x")), full))
                .isInstanceOf(RestException.class)
                .hasMessage("full");
    }

    private static ByteBuf utf8(String text) {
        return Unpooled.wrappedBuffer(text.getBytes(UTF_8));
    }
}
