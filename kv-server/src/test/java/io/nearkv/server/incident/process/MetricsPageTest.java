package io.nearkv.server.incident.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class MetricsPageTest {
    private static final MetricsPage PAGE = new MetricsPage("""
            # TYPE nearkv_route_requests counter
            nearkv_route_requests_total{build="abc"} 3.0
            nearkv_route_requests_total{build="abd"} 1.5E3
            nearkv_route_weight{build="abc"} 0.1
            nearkv_route_epoch 4.0
            """);

    @Test
    void values_are_found_by_name_and_label() {
        assertThat(PAGE.sum("nearkv_route_requests_total", "build=\"abc\"")).isEqualTo(3);
        assertThat(PAGE.sum("nearkv_route_requests_total", "")).isEqualTo(1503);
        assertThat(PAGE.sum("nearkv_route_requests", "")).isZero();
        assertThat(PAGE.sum("nearkv_route_epoch", "")).isEqualTo(4);
        assertThat(PAGE.sum("nearkv_route_weight", "build=\"xyz\"")).isZero();
    }

    @Test
    void ports_are_given_once() {
        FreePorts ports = new FreePorts(1);

        assertThat(List.of(ports.next(), ports.next(), ports.next())).doesNotHaveDuplicates();
    }
}
