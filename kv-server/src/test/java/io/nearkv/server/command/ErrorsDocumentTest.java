package io.nearkv.server.command;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.server.cli.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Holds docs/errors.md to the error table. */
class ErrorsDocumentTest {
    private static final Path DOCUMENT = Path.of("../docs/errors.md");

    @ParameterizedTest
    @EnumSource(ErrorCode.class)
    void each_row_is_in_the_document_as_it_is_in_the_code(ErrorCode code) throws IOException {
        String applied = code.applied() == ErrorCode.Applied.NO ? "no" : "unknown";
        String retry = switch (code.retry()) {
            case NEVER -> "never";
            case AFTER_DELAY -> "after a delay";
            case OTHER_CREDENTIALS -> "with other credentials";
            case IF_IDEMPOTENT -> "if idempotent";
        };

        assertThat(Files.readString(DOCUMENT))
                .contains("| `" + code.label() + "` | " + code.wireNumber() + " | " + code.httpStatus() + " | "
                        + applied + " | " + retry + " | " + ExitCode.of(code).number() + " |\n")
                .contains("\n### " + code.label() + "\n");
    }

    @ParameterizedTest
    @EnumSource(DenialReason.class)
    void each_reason_is_in_the_document(DenialReason reason) throws IOException {
        assertThat(Files.readString(DOCUMENT))
                .contains("| `" + reason.label() + "` | " + reason.wireNumber() + " | "
                        + reason.errorCode().httpStatus() + " | ");
    }
}
