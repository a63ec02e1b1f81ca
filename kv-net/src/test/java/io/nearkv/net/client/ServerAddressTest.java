package io.nearkv.net.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ServerAddressTest {
    @Test
    void scheme_host_and_port_are_read() {
        assertThat(ServerAddress.parse("kv://127.0.0.1:7401")).isEqualTo(new ServerAddress("127.0.0.1", 7401, false));
        assertThat(ServerAddress.parse("kvs://kv.example.org:1/"))
                .isEqualTo(new ServerAddress("kv.example.org", 1, true));
        assertThat(ServerAddress.parse("kv://[::1]:65535")).isEqualTo(new ServerAddress("::1", 65535, false));
        assertThat(ServerAddress.parse("kv://localhost")).isEqualTo(new ServerAddress("localhost", 7400, false));
    }

    @Test
    void the_text_form_is_read_again() {
        for (String text : new String[] {"kv://127.0.0.1:7401", "kvs://h:1", "kv://[::1]:7400"}) {
            assertThat(ServerAddress.parse(text)).hasToString(text);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "h:1",
                "kv:h",
                "http://h:1",
                "kv://",
                "kv://:1",
                "kv://h:0",
                "kv://h:65536",
                "kv://h:x",
                "kv://user@h:1",
                "kv://h:1/path",
                "kv://h:1?q",
                "kv://h:1#f",
                "kv://h h:1"
            })
    void everything_else_is_refused(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> ServerAddress.parse(text));
    }
}
