package io.nearkv.server.incident.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.AccountId;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FaultyStore;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.MapStore;
import java.time.Duration;
import java.time.InstantSource;
import org.junit.jupiter.api.Test;

class AccessServiceTest {
    private final MapStore data = new MapStore(new MapStore.Data(), InstantSource.system());
    private final FaultyStore store = new FaultyStore(data);
    private final AccountId account = data.admin().createAccount("a").join().id();
    private final Kv kv = Kv.over(store, account);
    private final AccessService service = new AccessService(namespace(), "key");

    private io.nearkv.core.KvNamespace namespace() {
        kv.namespaces().findOrCreate("access");
        return kv.namespace("access");
    }

    @Test
    void a_session_is_checked_without_the_store_and_nothing_else_is() throws Exception {
        service.prepare(1, "the secret");
        String token = service.login("alice");
        assertThat(service.secret("ci")).isEqualTo("the secret");
        assertThat(service.posture(0)).isTrue();

        store.refusal = KvException.denied(
                new KvException.Denial(DenialReason.ENVIRONMENT_MISMATCH, "staging", "production", null), "not here");

        assertThat(service.verify(token)).isTrue();
        assertThat(service.verify("bob" + token.substring("alice".length()))).isFalse();
        assertThatThrownBy(() -> service.login("bob")).isInstanceOf(KvException.class);
        assertThatThrownBy(() -> service.secret("ci")).isInstanceOf(KvException.class);
        try (TextServer server = TextServer.start("access", service::secret)) {
            TextClient client = new TextClient(server.url(), Duration.ofSeconds(5));
            assertThatThrownBy(() -> client.ask("ci"))
                    .isInstanceOfSatisfying(
                            KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE))
                    .hasMessage("401 environment_mismatch: not here");
            store.refusal = null;
            assertThat(client.ask("ci")).isEqualTo("the secret");
        }
    }

    @Test
    void a_service_that_is_gone_is_unavailable() {
        TextServer server = TextServer.start("access", path -> path);
        TextClient client = new TextClient(server.url(), Duration.ofSeconds(5));
        server.close();

        assertThatThrownBy(() -> client.ask("x"))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
    }
}
