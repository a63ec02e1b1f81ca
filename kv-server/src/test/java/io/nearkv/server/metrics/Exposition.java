package io.nearkv.server.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Metrics as a collector reads them: every line of Prometheus' text format 0.0.4 is held to its grammar, names are described once and before their samples, and no sample comes twice.
 * Immutable.
 *
 * @param types what each name is: counter, gauge, histogram or summary
 * @param samples the values, by name and labels as written
 */
public record Exposition(Map<String, String> types, Map<String, Double> samples) {
    private static final String NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
    private static final Pattern HELP = Pattern.compile("# HELP (" + NAME + ") (.+)");
    private static final Pattern TYPE = Pattern.compile("# TYPE (" + NAME + ") (counter|gauge|histogram|summary)");
    private static final String LABEL = "[a-zA-Z_][a-zA-Z0-9_]*=\"(?:[^\"\\\\\\n]|\\\\[\\\\n\"])*\"";
    private static final Pattern SAMPLE = Pattern.compile(
            "(" + NAME + ")(\\{" + LABEL + "(?:," + LABEL + ")*})? ([-+]?[0-9.]+(?:E-?[0-9]+)?|[+-]Inf|NaN)");
    private static final List<String> SUFFIXES = List.of("_bucket", "_count", "_sum");

    /** Reads a text; fails the test at the first line that is not as it should be. */
    public static Exposition parse(String text) {
        Map<String, String> types = new LinkedHashMap<>();
        Map<String, Double> samples = new LinkedHashMap<>();
        Set<String> described = new HashSet<>();
        assertThat(text).endsWith("\n");
        for (String line : text.lines().toList()) {
            Matcher help = HELP.matcher(line);
            Matcher type = TYPE.matcher(line);
            Matcher sample = SAMPLE.matcher(line);
            if (help.matches()) {
                assertThat(described.add(help.group(1))).as("twice: %s", line).isTrue();
            } else if (type.matches()) {
                assertThat(types.put(type.group(1), type.group(2)))
                        .as("twice: %s", line)
                        .isNull();
            } else {
                assertThat(sample.matches()).as("malformed: %s", line).isTrue();
                assertThat(types).as("not described: %s", line).containsKey(family(sample.group(1), types));
                String labels = sample.group(2) == null ? "" : sample.group(2);
                double value =
                        sample.group(3).equals("+Inf") ? Double.POSITIVE_INFINITY : Double.parseDouble(sample.group(3));
                assertThat(samples.put(sample.group(1) + labels, value))
                        .as("twice: %s", line)
                        .isNull();
            }
        }
        assertThat(described).isEqualTo(types.keySet());
        return new Exposition(types, samples);
    }

    private static String family(String name, Map<String, String> types) {
        if (types.containsKey(name)) {
            return name;
        }
        for (String suffix : SUFFIXES) {
            if (name.endsWith(suffix)) {
                return name.substring(0, name.length() - suffix.length());
            }
        }
        return name;
    }

    /** Returns a sample, such as {@code nearkv_net_ops_total{op="get",outcome="ok"}}; fails the test if there is none. */
    public double value(String sample) {
        Double value = samples.get(sample);
        assertThat(value).as(sample).isNotNull();
        return value == null ? Double.NaN : value;
    }

    /** Returns the values that a label has in the samples of a name. */
    public Set<String> labelValues(String name, String label) {
        Pattern pattern = Pattern.compile(Pattern.quote(name) + "\\{.*" + label + "=\"([^\"]*)\".*");
        return samples.keySet().stream()
                .map(pattern::matcher)
                .filter(Matcher::matches)
                .map(found -> found.group(1))
                .collect(Collectors.toSet());
    }
}
