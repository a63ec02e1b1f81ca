package io.nearkv.net.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Random;
import org.junit.jupiter.api.Test;

class TokenPayloadTest {
    private static TokenPayload payload(String json) {
        return TokenPayload.of(FakeToken.ofPayload(json));
    }

    @Test
    void texts_of_the_outermost_object_are_found() {
        TokenPayload payload = payload("{\"a\":1, \"aud\" : \"x\",\n\"acct\":\"\",\"last\":\"é\"}");
        assertThat(payload.text("aud")).isEqualTo("x");
        assertThat(payload.text("acct")).isEmpty();
        assertThat(payload.text("last")).isEqualTo("é");
        assertThat(payload.text("absent")).isNull();
    }

    @Test
    void names_inside_of_other_things_are_not_mistaken_for_members() {
        TokenPayload payload = payload(
                "{\"perms\":[{\"aud\":\"inner\"}],\"o\":{\"aud\":\"inner\"},\"t\":\"\\\"aud\\\":\\\"text\\\"\",\"v\":\"aud\","
                        + "\"aud\":\"outer\"}");
        assertThat(payload.text("aud")).isEqualTo("outer");
        assertThat(payload.text("inner")).isNull();
    }

    @Test
    void what_is_no_plain_text_is_not_there() {
        assertThat(payload("{\"aud\":7}").text("aud")).isNull();
        assertThat(payload("{\"aud\":[\"x\"]}").text("aud")).isNull();
        assertThat(payload("{\"aud\":\"\\u0078\"}").text("aud")).isNull();
        assertThat(payload("{\"aud\":").text("aud")).isNull();
        assertThat(payload("{\"aud").text("aud")).isNull();
        assertThat(payload("").text("aud")).isNull();
    }

    @Test
    void what_has_not_the_form_of_a_token_is_refused_without_repeating_it() {
        for (String text : new String[] {"", "secret", "secret.x", "a.%%.c", "secret." + "x".repeat(9000) + ".y"}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> TokenPayload.of(text))
                    .withMessageNotContaining("secret");
        }
    }

    @Test
    void any_payload_is_read_to_an_end() {
        Random random = new Random(42);
        for (int i = 0; i < 2000; i++) {
            StringBuilder json = new StringBuilder();
            for (int n = random.nextInt(40); n > 0; n--) {
                json.append("{}[]\":,\\ a1aud".charAt(random.nextInt(14)));
            }
            String text = payload(json.toString()).text("aud");
            assertThat(text == null || json.indexOf(text) >= 0).isTrue();
        }
    }
}
