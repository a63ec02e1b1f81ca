package io.nearkv.server.program;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The page of operations in a real browser: what its script makes of what the control plane says. */
class OperationsPageIT {
    private static final List<String> BROWSERS = List.of("chromium", "chromium-browser", "google-chrome");
    private static final long LIMIT_SECONDS = 60;
    /** The page looks once a second for ever; the browser ends after so much of its own time. */
    private static final int PAGE_MILLIS = 3_000;

    @TempDir
    Path folder;

    private String browser = "";
    private @Nullable ControlFleet fleet;

    @BeforeEach
    void findBrowser() {
        browser = Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
                .flatMap(path -> BROWSERS.stream().map(name -> Path.of(path, name)))
                .filter(Files::isExecutable)
                .map(Path::toString)
                .findFirst()
                .orElse("");
        assumeTrue(
                !browser.isEmpty(), "none of " + BROWSERS + " is on the PATH: nobody looks at the page of operations");
    }

    @AfterEach
    void stop() {
        ControlFleet running = fleet;
        if (running != null) {
            running.close();
        }
    }

    @Test
    void the_page_shows_the_environment_its_builds_and_the_rollout() throws Exception {
        ControlFleet running = new ControlFleet(folder);
        fleet = running;
        running.startControl();
        ControlFleet.Build old = running.knownGood("1.8.2");
        ControlFleet.Build next = running.build("1.9.0");
        running.productionDone("rollout", "start", "--build", next.id(), "--detach");

        String page =
                shown(Fleet.read(folder.resolve("data/control/control.address")).strip() + "/ui");

        assertThat(page)
                .contains("default/kv/production")
                .contains(old.id())
                .contains(next.id())
                .contains("1.9.0")
                .contains("started by")
                .contains("did well")
                .contains("nearkv rollback --environment production")
                .contains("rollout_started");
    }

    /** Returns the document as it is after its script has run, which must have thrown nothing. */
    private String shown(String url) throws Exception {
        Process process = new ProcessBuilder(
                        browser,
                        "--headless",
                        "--no-sandbox", // As root, as in a container, there is none to be had; the page is our own.
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--disable-background-networking",
                        "--disable-sync",
                        "--no-first-run",
                        "--enable-logging=stderr",
                        "--user-data-dir=" + folder.resolve("browser"),
                        "--virtual-time-budget=" + PAGE_MILLIS,
                        "--dump-dom",
                        url)
                .start();
        try {
            CompletableFuture<byte[]> out = Program.drain(process.getInputStream());
            CompletableFuture<byte[]> err = Program.drain(process.getErrorStream());
            assertThat(process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)).isTrue();
            String said = new String(err.join(), UTF_8);
            assertThat(said).as("what the console of the page says").doesNotContain("Uncaught", "CONSOLE");
            return new String(out.join(), UTF_8);
        } finally {
            process.destroyForcibly();
        }
    }
}
