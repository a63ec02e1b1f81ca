package io.nearkv.deploy.control;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.deploy.model.Bytes;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LineageTest {
    private static String hash(long number) {
        return Bytes.sha256(Long.toString(number).getBytes(US_ASCII)).hex();
    }

    @Test
    void two_routes_have_an_ancestor_in_common_however_far_they_are_apart() {
        Lineage lineage = Lineage.NONE;
        List<List<String>> known = new ArrayList<>();
        for (long number = 1; number <= 600; number++) {
            List<String> ancestors = lineage.hashes();
            for (int i = Math.max(0, known.size() - 12); i < known.size(); i++) {
                assertThat(ancestors).containsAnyElementsOf(known.get(i));
            }
            if (!known.isEmpty()) {
                assertThat(ancestors).containsAnyElementsOf(known.get((int) (number - 1) / 2));
            }
            List<String> own = new ArrayList<>(ancestors);
            own.add(hash(number));
            known.add(own); // Of a node that has had this one route and no other.
            lineage = lineage.plus(new Lineage.Step(1, 2 * number, hash(number)));
        }
    }

    @Test
    void it_names_the_newest_first_and_no_more_than_a_route_may() {
        Lineage lineage = Lineage.NONE;
        for (long number = 1; number <= 100; number++) {
            lineage = lineage.plus(new Lineage.Step(1, 2 * number, hash(number)));
        }

        assertThat(lineage.steps()).hasSize(31);
        assertThat(lineage.hashes()).startsWith(hash(100), hash(99), hash(98));
        assertThat(Lineage.parse(lineage.toText())).isEqualTo(lineage);
    }
}
