package io.nearkv.server.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataFolderTest {
    @TempDir
    private Path folder;

    @Test
    void the_address_is_there_from_its_record_to_its_removal() throws IOException {
        DataFolder data = new DataFolder(folder);
        assertThat(data.readServerAddress()).isNull();

        data.writeServerAddress("kv://127.0.0.1:7400");

        assertThat(data.readServerAddress()).isEqualTo("kv://127.0.0.1:7400");
        data.removeServerAddress("kv://127.0.0.1:7400");
        assertThat(data.readServerAddress()).isNull();
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void the_address_of_another_server_is_not_removed() throws IOException {
        DataFolder data = new DataFolder(folder);
        data.writeServerAddress("kv://127.0.0.1:7401");

        data.removeServerAddress("kv://127.0.0.1:7400");

        assertThat(data.readServerAddress()).isEqualTo("kv://127.0.0.1:7401");
    }

    @Test
    void what_is_no_folder_cannot_be_a_data_folder() throws IOException {
        new DataFolder(folder).requireUsable();
        new DataFolder(folder.resolve("to be made")).requireUsable();
        Path file = Files.writeString(folder.resolve("file"), "");

        assertThatThrownBy(new DataFolder(file)::requireUsable)
                .isInstanceOf(FileSystemException.class)
                .hasMessage(file + ": is not a folder");
    }

    @Test
    void a_folder_that_may_not_be_used_is_told_from_an_empty_one() throws IOException {
        DataFolder data = new DataFolder(Files.createDirectory(folder.resolve("data")));
        data.requireWritable();
        try {
            Files.setPosixFilePermissions(data.path(), Set.of());
            assumeFalse(Files.isReadable(data.path()), "root may do everything");

            assertThatThrownBy(data::requireUsable).isInstanceOf(AccessDeniedException.class);
            assertThatThrownBy(data::requireWritable).isInstanceOf(AccessDeniedException.class);
        } finally {
            Files.setPosixFilePermissions(data.path(), PosixFilePermissions.fromString("rwx------"));
        }
    }

    @Test
    void a_file_of_no_line_or_several_is_refused() throws IOException {
        DataFolder data = new DataFolder(folder);
        Files.writeString(data.adminToken(), " \n");
        assertThatThrownBy(data::readAdminToken).isInstanceOf(IOException.class).hasMessageContaining("holds nothing");

        Files.writeString(data.adminToken(), "one\ntwo\n");

        assertThatThrownBy(data::readAdminToken)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("more than one line")
                .hasMessageNotContaining("two");
    }
}
