package io.nearkv.server.program;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** The replay of the incident with real processes, at a fifth of its time. Without protections, and the layers one by one, it is a campaign: they take as long as all else. */
class IncidentReplayIT {
    private static final long LIMIT_MINUTES = 15;
    private static final String MINUTE_MILLIS = "200";
    private static final boolean LONG = Boolean.getBoolean("nearkv.test.long");

    @TempDir
    Path folder;

    @Test
    void nobody_notices_the_incident_with_the_protections_and_without_it_is_the_report_s() throws Exception {
        Program program = new Program(folder);
        Path report = folder.resolve("report.html");
        List<String> args = new ArrayList<>(List.of("incident", "replay", "--mode", "protected"));
        if (LONG) {
            args.addAll(List.of("--mode", "legacy", "--mode", "each-layer"));
        }
        args.addAll(List.of("--minute", MINUTE_MILLIS, "--json"));
        args.addAll(List.of("--report", report.toString()));
        args.addAll(List.of("--work", folder.resolve("work").toString()));
        Process replay = program.start(args.toArray(String[]::new));
        CompletableFuture<byte[]> out = Program.drain(replay.getInputStream());
        CompletableFuture<byte[]> err = Program.drain(replay.getErrorStream());
        assertThat(replay.waitFor(LIMIT_MINUTES, TimeUnit.MINUTES)).isTrue();
        String json = new String(out.join(), UTF_8);
        String log = new String(err.join(), UTF_8);

        assertThat(List.of(json.split("(?=\\{\"id\")", -1)).stream().filter(each -> each.contains("\"passed\":false")))
                .as(log)
                .isEmpty();
        assertThat(replay.exitValue()).as(log).isZero();
        assertThat(json).startsWith("{\"format\":1,").contains("\"name\":\"protected\"");
        assertThat(json.contains("\"name\":\"legacy\"")).isEqualTo(LONG);
        assertThat(json.contains("\"name\":\"each-layer: local fallback\"")).isEqualTo(LONG);
        assertThat(Files.readString(report)).contains("</html>");
    }

    @Test
    @EnabledIfSystemProperty(
            named = "nearkv.test.long",
            matches = "true",
            disabledReason = "kv-server/campaign control")
    void a_replay_that_is_killed_leaves_no_process_behind() throws Exception {
        Program program = new Program(folder);
        Path work = folder.resolve("work");
        Process replay = program.start("incident", "replay", "--mode", "legacy", "--work", work.toString());
        CompletableFuture<byte[]> unused = Program.drain(replay.getErrorStream());
        // The routers are among the last that are started.
        await().atMost(Duration.ofMinutes(2)).until(() -> Files.exists(work.resolve("legacy/router-5/route")));
        List<ProcessHandle> children = replay.descendants().toList();
        assertThat(children).hasSizeGreaterThan(10);

        replay.destroyForcibly();

        await().atMost(Duration.ofSeconds(30)).until(() -> children.stream().noneMatch(ProcessHandle::isAlive));
    }
}
