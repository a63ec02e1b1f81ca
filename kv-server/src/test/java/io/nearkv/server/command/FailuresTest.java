package io.nearkv.server.command;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.ExitCode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class FailuresTest {
    @ParameterizedTest
    @CsvSource({
        "INVALID_REQUEST, 2",
        "UNAUTHORIZED, 4",
        "FORBIDDEN, 4",
        "NOT_FOUND, 3",
        "PRECONDITION_FAILED, 5",
        "TOO_LARGE, 1",
        "RATE_LIMITED, 6",
        "UNAVAILABLE, 6",
        "DEADLINE_EXCEEDED, 6",
        "OUTCOME_UNKNOWN, 6",
        "INTERNAL, 1"
    })
    void each_row_of_the_error_table_has_its_exit_code_and_label(ErrorCode code, int exitCode) {
        Reported reported = report(new CompletionException(new KvException(code, "what happened")));

        assertThat(reported.exitCode().number()).isEqualTo(exitCode);
        assertThat(reported.text()).isEqualTo("nearkv: " + code.label() + ": what happened\n");
    }

    @ParameterizedTest
    @EnumSource(DenialReason.class)
    void a_denial_names_its_reason(DenialReason reason) {
        Reported reported = report(
                KvException.denied(new KvException.Denial(reason, "production", "staging", "b1"), "not for you"));

        assertThat(reported.exitCode()).isEqualTo(ExitCode.DENIED);
        assertThat(reported.text())
                .isEqualTo("nearkv: " + reason.errorCode().label() + ": " + reason.label() + ": not for you\n");
    }

    @Test
    void a_message_from_outside_cannot_forge_a_line() {
        Reported reported = report(CommandException.usage("key 'a\nnearkv: done\u001b[2J'"));

        assertThat(reported.text()).isEqualTo("nearkv: usage: key 'a nearkv: done\\u001b[2J'\n");
    }

    @Test
    void a_missing_file_is_named_and_explained() {
        assertThat(report(new NoSuchFileException("/a/b")).text())
                .isEqualTo("nearkv: io: /a/b: no such file or folder\n");
        assertThat(report(new FileAlreadyExistsException("/a/b")).text())
                .isEqualTo("nearkv: io: /a/b: already there\n");
        assertThat(report(new FileAlreadyExistsException("/a/b", null, "wants none"))
                        .text())
                .isEqualTo("nearkv: io: /a/b: already there (wants none)\n");
        assertThat(report(new IOException("disk on fire")).text()).isEqualTo("nearkv: io: disk on fire\n");
    }

    private record Reported(ExitCode exitCode, String text) {}

    private static Reported report(Throwable failure) {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        ExitCode exitCode = Failures.report(failure, new PrintStream(err, true, UTF_8), false);
        return new Reported(exitCode, err.toString(UTF_8));
    }
}
