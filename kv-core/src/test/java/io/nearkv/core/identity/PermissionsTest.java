package io.nearkv.core.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.nearkv.core.NamespaceId;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PermissionsTest {
    private static final NamespaceId ONE = new NamespaceId(0, 1);
    private static final NamespaceId TWO = new NamespaceId(0, 2);

    @Test
    void nothing_is_allowed_that_was_not_granted() {
        Permissions permissions = Permissions.none().with(ONE, Permission.WRITE);

        assertThat(permissions.allows(ONE, Permission.WRITE)).isTrue();
        assertThat(permissions.allows(ONE, Permission.READ)).isFalse();
        assertThat(permissions.allows(ONE, Permission.ADMIN)).isFalse();
        assertThat(permissions.allows(TWO, Permission.WRITE)).isFalse();
        assertThat(permissions.allowsEverywhere(Permission.WRITE)).isFalse();
        for (Permission permission : Permission.values()) {
            assertThat(Permissions.none().allows(ONE, permission)).isFalse();
        }
    }

    @Test
    void an_administrator_of_a_namespace_may_all_there_and_nothing_elsewhere() {
        Permissions permissions = Permissions.none().with(ONE, Permission.ADMIN);

        for (Permission permission : Permission.values()) {
            assertThat(permissions.allows(ONE, permission)).isTrue();
            assertThat(permissions.allows(TWO, permission)).isFalse();
            assertThat(permissions.allowsEverywhere(permission)).isFalse();
        }
    }

    @Test
    void an_administrator_of_the_account_may_all() {
        for (Permission permission : Permission.values()) {
            assertThat(Permissions.administrator().allows(ONE, permission)).isTrue();
            assertThat(Permissions.administrator().allowsEverywhere(permission)).isTrue();
        }
    }

    @Test
    void grants_add_up() {
        Permissions permissions = Permissions.none()
                .withEverywhere(Permission.READ)
                .with(ONE, Permission.WRITE)
                .with(ONE, Permission.READ);

        assertThat(permissions.allows(TWO, Permission.READ)).isTrue();
        assertThat(permissions.allows(TWO, Permission.WRITE)).isFalse();
        assertThat(permissions.allows(ONE, Permission.WRITE)).isTrue();
        assertThat(permissions.byNamespace())
                .containsOnlyKeys(ONE)
                .containsEntry(ONE, Set.of(Permission.READ, Permission.WRITE));
        assertThat(permissions).hasToString("*:read 00000000000000000000000000000001:read,write");
        assertThat(Permissions.none()).hasToString("none");
    }

    @Test
    void one_namespace_too_many_is_a_wrong_argument() {
        Permissions permissions = Permissions.none();
        for (int i = 0; i < Permissions.MAX_NAMESPACES; i++) {
            permissions = permissions.with(new NamespaceId(1, i), Permission.READ);
        }
        Permissions full = permissions;

        assertThatIllegalArgumentException()
                .isThrownBy(() -> full.with(new NamespaceId(2, 0), Permission.READ))
                .withMessageContaining("65");
    }
}
