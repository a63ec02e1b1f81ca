package io.nearkv.deploy.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DependencyGraphTest {
    @Test
    void a_chain_to_what_is_deployed_is_found_and_told_as_a_whole() {
        DependencyGraph graph = DependencyGraph.parse(
                List.of("control-plane=dns,ci", "ci=access", "access=data-plane", "dns=ntp", "ntp=dns"));

        assertThat(graph.cycle()).containsExactly("control-plane", "ci", "access", "data-plane");
    }

    @Test
    void what_others_need_does_not_count() {
        assertThat(DependencyGraph.parse(List.of("access=data-plane", "data-plane=control-plane", "control-plane=dns"))
                        .cycle())
                .isNull();
        assertThat(DependencyGraph.NONE.cycle()).isNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "=", "a", "a=", "=b", "a=b,", "a=,b"})
    void a_malformed_declaration_is_refused(String text) {
        assertThatThrownBy(() -> DependencyGraph.parse(List.of(text)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("expected: NAME=NEEDED,NEEDED");
    }
}
