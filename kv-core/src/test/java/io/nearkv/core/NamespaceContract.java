package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Accounts and namespaces. */
public interface NamespaceContract extends ContractSupport {
    private KvAdmin admin() {
        return store().admin();
    }

    private NamespaceInfo create(AccountId account, String title) {
        return await(admin().createNamespace(account, title));
    }

    /** Creates an account, so that a test has a catalogue for itself. */
    private AccountId newAccount() {
        return await(admin().createAccount("of " + ns())).id();
    }

    @Test
    default void an_account_is_listed_in_the_order_of_ids() {
        AccountInfo one = await(admin().createAccount("one"));
        AccountInfo two = await(admin().createAccount("one"));
        assertThat(one.id()).isNotEqualTo(two.id());
        List<AccountInfo> accounts = await(admin().accounts());
        assertThat(accounts).contains(one, two);
        assertThat(accounts).extracting(account -> account.id().toString()).isSorted();
        assertThat(accounts).extracting(AccountInfo::id).contains(fixture().account());
    }

    @Test
    default void an_account_has_a_name_of_one_to_512_characters() {
        assertFails(ErrorCode.INVALID_REQUEST, () -> admin().createAccount(""));
        assertFails(ErrorCode.INVALID_REQUEST, () -> admin().createAccount("x".repeat(Limits.MAX_TITLE_CHARS + 1)));
        assertThat(await(admin().createAccount("x".repeat(Limits.MAX_TITLE_CHARS)))
                        .name())
                .hasSize(Limits.MAX_TITLE_CHARS);
    }

    @Test
    default void a_namespace_is_found_by_id_and_by_title() {
        AccountId account = newAccount();
        NamespaceInfo created = create(account, "config");
        assertThat(created.title()).isEqualTo("config");
        assertThat(created.account()).isEqualTo(account);
        assertThat(await(admin().namespace(created.id()))).isEqualTo(created);
        assertThat(await(admin().namespace(account, "config"))).isEqualTo(created);
        assertThat(await(admin().namespaces(account))).containsExactly(created);
    }

    @Test
    default void namespaces_are_listed_by_title() {
        AccountId account = newAccount();
        for (String title : List.of("b", "c", "a")) {
            create(account, title);
        }
        assertThat(await(admin().namespaces(account)))
                .extracting(NamespaceInfo::title)
                .containsExactly("a", "b", "c");
    }

    @Test
    default void a_title_is_unique_within_its_account_only() {
        AccountId account = newAccount();
        NamespaceInfo first = create(account, "config");
        assertFails(ErrorCode.PRECONDITION_FAILED, () -> admin().createNamespace(account, "config"));
        NamespaceInfo elsewhere = create(newAccount(), "config");
        assertThat(elsewhere.id()).isNotEqualTo(first.id());
        create(account, "Config");
    }

    @Test
    default void a_title_is_any_text_of_one_to_512_characters() {
        AccountId account = newAccount();
        for (String title : List.of("x".repeat(Limits.MAX_TITLE_CHARS), " ", "é/..\u0001", "0".repeat(32))) {
            assertThat(await(admin().namespace(account, create(account, title).title()))
                            .title())
                    .isEqualTo(title);
        }
        String tooLong = "x".repeat(Limits.MAX_TITLE_CHARS + 1);
        assertFails(ErrorCode.INVALID_REQUEST, () -> admin().createNamespace(account, ""));
        assertFails(ErrorCode.INVALID_REQUEST, () -> admin().createNamespace(account, tooLong));
        assertFails(ErrorCode.INVALID_REQUEST, () -> admin().renameNamespace(ns(), ""));
        assertFails(ErrorCode.INVALID_REQUEST, () -> admin().renameNamespace(ns(), tooLong));
    }

    @Test
    default void renaming_keeps_id_and_keys_and_frees_the_old_title() {
        AccountId account = newAccount();
        NamespaceInfo created = create(account, "old");
        Object unused = await(store().write(created.id(), Mutation.put(key("k"), Value.of("v")), WriteOptions.DEFAULT));
        NamespaceInfo renamed = await(admin().renameNamespace(created.id(), "new"));

        assertThat(renamed).isEqualTo(new NamespaceInfo(created.id(), account, "new"));
        assertThat(await(admin().namespace(created.id()))).isEqualTo(renamed);
        assertThat(await(admin().namespace(account, "new"))).isEqualTo(renamed);
        assertFails(ErrorCode.NOT_FOUND, () -> admin().namespace(account, "old"));
        assertThat(await(store().get(created.id(), key("k"), reads()))).isInstanceOf(GetResult.Found.class);
        assertThat(create(account, "old").id()).isNotEqualTo(created.id());
        assertFails(ErrorCode.PRECONDITION_FAILED, () -> admin().renameNamespace(created.id(), "old"));
    }

    @Test
    default void deleting_takes_all_keys_and_the_title_may_be_used_again() {
        AccountId account = newAccount();
        NamespaceId first = create(account, "t").id();
        for (int i = 0; i < 50; i++) {
            Object unused =
                    await(store().write(first, Mutation.put(key("k" + i), bytes(i * 1000, i)), WriteOptions.DEFAULT));
        }
        Object unused = await(admin().deleteNamespace(first));

        assertFails(ErrorCode.NOT_FOUND, () -> admin().namespace(first));
        assertFails(ErrorCode.NOT_FOUND, () -> admin().namespace(account, "t"));
        assertFails(ErrorCode.NOT_FOUND, () -> store().get(first, key("k1"), reads()));
        assertFails(ErrorCode.NOT_FOUND, () -> store().list(first, ListOptions.ALL, reads()));
        assertFails(
                ErrorCode.NOT_FOUND,
                () -> store().write(first, Mutation.put(key("k"), Value.of("v")), WriteOptions.DEFAULT));
        assertThat(await(admin().namespaces(account))).isEmpty();

        NamespaceId second = create(account, "t").id();
        assertThat(second).isNotEqualTo(first);
        assertThat(await(store().list(second, ListOptions.ALL, reads())).keys()).isEmpty();
        assertThat(await(store().get(second, key("k1"), reads()))).isEqualTo(GetResult.Missing.INSTANCE);
        // Conditions, too, must not see what the other namespace held.
        assertThat(await(store().write(
                                        second,
                                        new Mutation.Put(
                                                key("k1"), Value.of("v"), PutOptions.when(Condition.IF_ABSENT)),
                                        WriteOptions.DEFAULT))
                        .applied())
                .isTrue();
    }

    @Test
    default void deleting_a_namespace_leaves_its_neighbours_alone() {
        AccountId account = newAccount();
        List<NamespaceId> three = List.of(
                create(account, "1").id(),
                create(account, "2").id(),
                create(account, "3").id());
        for (NamespaceId id : three) {
            for (String name : List.of("\u0000", "k", "\uDBFF\uDFFF".repeat(128))) {
                Object unused = await(store().write(id, Mutation.put(key(name), bytes(9000, 1)), WriteOptions.DEFAULT));
            }
        }
        Object unused = await(admin().deleteNamespace(three.get(1)));
        for (NamespaceId id : List.of(three.get(0), three.get(2))) {
            assertThat(await(store().list(id, ListOptions.ALL, reads())).keys()).hasSize(3);
            assertThat(await(store().get(id, key("k"), reads()))).isInstanceOf(GetResult.Found.class);
        }
    }

    @Test
    default void an_upload_into_a_namespace_that_was_deleted_is_not_found() {
        NamespaceId gone = create(newAccount(), "t").id();
        try (ValueWriter writer = await(store().upload(gone, key("k"), PutOptions.DEFAULT, WriteOptions.DEFAULT))) {
            writePieces(writer, bytes(100_000, 1), 65_536);
            Object unused = await(admin().deleteNamespace(gone));
            assertFails(ErrorCode.NOT_FOUND, writer::commit);
        }
    }

    @Test
    default void what_does_not_exist_is_not_found() {
        AccountId nobody = new AccountId(1, 2);
        NamespaceId nothing = new NamespaceId(1, 2);
        assertFails(ErrorCode.NOT_FOUND, () -> admin().namespaces(nobody));
        assertFails(ErrorCode.NOT_FOUND, () -> admin().createNamespace(nobody, "t"));
        assertFails(ErrorCode.NOT_FOUND, () -> admin().namespace(nobody, "t"));
        assertFails(ErrorCode.NOT_FOUND, () -> admin().namespace(fixture().account(), "no such title"));
        assertFails(ErrorCode.NOT_FOUND, () -> admin().namespace(nothing));
        assertFails(ErrorCode.NOT_FOUND, () -> admin().renameNamespace(nothing, "t"));
        assertFails(ErrorCode.NOT_FOUND, () -> admin().deleteNamespace(nothing));
    }

    @Test
    default void an_account_holds_a_thousand_namespaces() throws Exception {
        try (StoreFixture other = openAnother()) {
            KvAdmin admin = other.store().admin();
            AccountId account = await(admin.createAccount("full")).id();
            List<CompletableFuture<NamespaceInfo>> created = IntStream.range(0, Limits.MAX_NAMESPACES_PER_ACCOUNT)
                    .mapToObj(i -> admin.createNamespace(account, "t" + i))
                    .toList();
            created.forEach(this::await);
            assertFails(ErrorCode.RATE_LIMITED, () -> admin.createNamespace(account, "one more"));
            Object unused = await(
                    admin.deleteNamespace(await(admin.namespace(account, "t7")).id()));
            unused = await(admin.createNamespace(account, "one more"));
            assertThat(await(admin.namespaces(account))).hasSize(Limits.MAX_NAMESPACES_PER_ACCOUNT);
        }
    }
}
