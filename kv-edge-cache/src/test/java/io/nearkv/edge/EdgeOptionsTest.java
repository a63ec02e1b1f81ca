package io.nearkv.edge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class EdgeOptionsTest {
    @Test
    void these_are_the_defaults() {
        EdgeOptions options = EdgeOptions.DEFAULT;

        assertThat(options.memoryBytes).isEqualTo(Runtime.getRuntime().maxMemory() / 4);
        assertThat(options.disk).isNull();
        assertThat(options.cacheTtl).hasSeconds(60);
        assertThat(options.staleIfError).hasHours(1);
        assertThat(options.listTtl).hasSeconds(2);
        assertThat(options.maxValueBytes).isEqualTo(1 << 20);
        assertThat(options.maxLoads).isEqualTo(1024);
        assertThat(options.upstreamTimeout).hasSeconds(5);
        assertThat(options.heartbeat).hasMillis(200);
        assertThat(options.coherent).isFalse();
        assertThat(options.ticker).isSameAs(EdgeOptions.SYSTEM_TICKER);
        assertThat(EdgeOptions.builder().build()).usingRecursiveComparison().isEqualTo(options);
    }

    @Test
    void a_cache_before_an_engine_has_its_memory_and_is_coherent() {
        EdgeOptions options = EdgeOptions.beforeEngine(1 << 20);

        assertThat(options.memoryBytes).isEqualTo(1 << 20);
        assertThat(options.coherent).isTrue();
        assertThat(options.cacheTtl).isEqualTo(EdgeOptions.DEFAULT.cacheTtl);
    }

    @Test
    void a_builder_may_build_again() {
        EdgeOptions.Builder builder = EdgeOptions.builder().maxLoads(1);
        EdgeOptions first = builder.build();
        EdgeOptions second = builder.maxLoads(2).build();

        assertThat(first.maxLoads).isEqualTo(1);
        assertThat(second.maxLoads).isEqualTo(2);
    }

    @Test
    void a_value_out_of_range_is_refused_where_it_is_set() {
        EdgeOptions.Builder builder = EdgeOptions.builder();

        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.memoryBytes(65_535))
                .withMessage("memoryBytes: 65535 (expected: >= 65536)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.cacheTtl(Duration.ofNanos(-1)))
                .withMessage("cacheTtl: too short (expected: see EdgeOptions)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.staleIfError(Duration.ofNanos(-1)))
                .withMessage("staleIfError: too short (expected: see EdgeOptions)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.listTtl(Duration.ofNanos(-1)))
                .withMessage("listTtl: too short (expected: see EdgeOptions)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.maxValueBytes((25 << 20) + 1))
                .withMessage("maxValueBytes: 26214401 (expected: 1 to 25 MiB)");
        assertThatIllegalArgumentException().isThrownBy(() -> builder.maxValueBytes(0));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.maxLoads(0))
                .withMessage("maxLoads: 0 (expected: >= 1)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.upstreamTimeout(Duration.ofNanos(999_999)))
                .withMessage("upstreamTimeout: too short (expected: see EdgeOptions)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.heartbeat(Duration.ofMillis(9)))
                .withMessage("heartbeat: too short (expected: see EdgeOptions)");
        assertThat(builder.build()).usingRecursiveComparison().isEqualTo(EdgeOptions.DEFAULT);
    }
}
