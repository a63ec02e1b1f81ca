package io.nearkv.server.incident.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class HtmlTest {
    @Test
    void what_comes_from_outside_is_text_and_nothing_else() {
        assertThat(new Html().add("<b title=\"{}\">{}</b>", "\"'", "<script>&"))
                .hasToString("<b title=\"&quot;&#39;\">&lt;script&gt;&amp;</b>");
        assertThat(new Html().text("a<b").raw("<i>")).hasToString("a&lt;b<i>");
    }

    @Test
    void coordinates_are_short() {
        assertThat(new Html().add("{} {}", 3.0, 3.14159)).hasToString("3 3.1");
    }

    @Test
    void a_value_without_a_place_is_a_mistake() {
        assertThatThrownBy(() -> new Html().add("{}", 1, 2)).hasMessageContaining("more values than places");
    }
}
