package io.nearkv.core.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.TestClock;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two real processes and one folder. */
class HolderIT {
    @TempDir
    Path folder;

    /** Holds a store until its standard input ends. */
    public static final class Holder {
        private Holder() {}

        /** Opens the folder that is the argument. */
        public static void main(String[] arguments) throws Exception {
            RocksStoreOptions options =
                    Engine.defaults(new TestClock()).program("holder").build();
            try (RocksStore store = RocksStore.open(Path.of(arguments[0]), options)) {
                System.out.println("holding " + store.position().lineage());
                while (System.in.read() >= 0) {}
            }
        }
    }

    @Test
    void the_second_process_is_told_who_holds_the_folder_and_gets_it_when_the_first_is_killed() throws Exception {
        Process holder = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElse("java"),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        folder.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        RocksStoreOptions options = Engine.defaults(new TestClock()).build();
        try {
            BufferedReader output =
                    new BufferedReader(new InputStreamReader(holder.getInputStream(), StandardCharsets.UTF_8));
            assertThat(output.readLine()).startsWith("holding");

            for (int attempt = 0; attempt < 2; attempt++) {
                KvException failure = FolderTest.failureOf(() -> RocksStore.open(folder, options));
                assertThat(failure.code()).isEqualTo(ErrorCode.UNAVAILABLE);
                assertThat(failure)
                        .hasMessageContaining("is held by process " + holder.pid() + " (holder) on ")
                        .hasMessageContaining("since 2026-01-01T00:00:00Z");
            }
        } finally {
            holder.destroyForcibly();
            assertThat(holder.waitFor(30, TimeUnit.SECONDS)).isTrue();
        }
        List<String> lock = Files.readAllLines(folder.resolve("LOCK"));
        assertThat(lock).contains("pid=" + holder.pid());
        RocksStore.open(folder, options).close();
    }
}
