package io.nearkv.net.client;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.BackupInfo;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.Value;
import io.nearkv.net.protocol.BodyWriter;
import io.nearkv.net.protocol.CatalogueCodec;
import io.nearkv.net.protocol.EntryCodec;
import io.nearkv.net.wire.Wire;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The rare operations, over the wire. Each has the client's timeout. Thread-safe. */
final class RemoteAdmin implements KvAdmin {
    private final LanePool pool;

    RemoteAdmin(LanePool pool) {
        this.pool = pool;
    }

    @Override
    public CompletableFuture<List<AccountInfo>> accounts() {
        return call(
                CallExchange.Kind.READ,
                Wire.CallHeader.newBuilder().setAccounts(Wire.Accounts.getDefaultInstance()),
                Wire.AccountItem.parser(),
                CatalogueCodec::fromWire,
                (header, accounts) -> List.copyOf(accounts));
    }

    @Override
    public CompletableFuture<AccountInfo> createAccount(String name) {
        requireNonNull(name, "name");
        return call(
                CallExchange.Kind.WRITE,
                Wire.CallHeader.newBuilder()
                        .setCreateAccount(Wire.CreateAccount.newBuilder().setName(name)),
                Wire.AccountItem.parser(),
                CatalogueCodec::fromWire,
                (header, accounts) -> CallExchange.one(accounts));
    }

    @Override
    public CompletableFuture<List<NamespaceInfo>> namespaces(AccountId account) {
        return call(
                CallExchange.Kind.READ,
                Wire.CallHeader.newBuilder()
                        .setNamespaces(Wire.Namespaces.newBuilder().setAccount(CatalogueCodec.toWire(account))),
                Wire.NamespaceItem.parser(),
                CatalogueCodec::fromWire,
                (header, namespaces) -> List.copyOf(namespaces));
    }

    @Override
    public CompletableFuture<NamespaceInfo> namespace(NamespaceId namespace) {
        return oneNamespace(
                CallExchange.Kind.READ,
                Wire.CallHeader.newBuilder()
                        .setNamespace(Wire.FindNamespace.newBuilder().setId(EntryCodec.toWire(namespace))));
    }

    @Override
    public CompletableFuture<NamespaceInfo> namespace(AccountId account, String title) {
        requireNonNull(title, "title");
        return oneNamespace(
                CallExchange.Kind.READ,
                Wire.CallHeader.newBuilder()
                        .setNamespace(Wire.FindNamespace.newBuilder()
                                .setAccount(CatalogueCodec.toWire(account))
                                .setTitle(title)));
    }

    @Override
    public CompletableFuture<NamespaceInfo> createNamespace(AccountId account, String title) {
        requireNonNull(title, "title");
        return oneNamespace(
                CallExchange.Kind.WRITE,
                Wire.CallHeader.newBuilder()
                        .setCreateNamespace(Wire.CreateNamespace.newBuilder()
                                .setAccount(CatalogueCodec.toWire(account))
                                .setTitle(title)));
    }

    @Override
    public CompletableFuture<NamespaceInfo> renameNamespace(NamespaceId namespace, String title) {
        requireNonNull(title, "title");
        return oneNamespace(
                CallExchange.Kind.WRITE,
                Wire.CallHeader.newBuilder()
                        .setRenameNamespace(Wire.RenameNamespace.newBuilder()
                                .setId(EntryCodec.toWire(namespace))
                                .setTitle(title)));
    }

    @Override
    public CompletableFuture<Void> deleteNamespace(NamespaceId namespace) {
        return call(
                CallExchange.Kind.WRITE,
                Wire.CallHeader.newBuilder()
                        .setDeleteNamespace(Wire.DeleteNamespace.newBuilder().setId(EntryCodec.toWire(namespace))),
                Wire.NamespaceItem.parser(),
                CatalogueCodec::fromWire,
                (header, none) -> null);
    }

    @Override
    public CompletableFuture<BackupInfo> backup() {
        return call(
                CallExchange.Kind.WRITE,
                Wire.CallHeader.newBuilder().setBackup(Wire.Backup.getDefaultInstance()),
                Wire.NamespaceItem.parser(),
                CatalogueCodec::fromWire,
                (header, none) -> CatalogueCodec.fromWire(header.getBackup()));
    }

    @Override
    public CompletableFuture<Value> ask(Value question) {
        return call(
                // Whoever understands the question makes it one that may be asked again.
                CallExchange.Kind.READ,
                Wire.CallHeader.newBuilder()
                        .setAsk(Wire.Ask.newBuilder().setQuestion(ByteString.copyFrom(question.asByteBuffer()))),
                Wire.NamespaceItem.parser(),
                CatalogueCodec::fromWire,
                (header, none) -> Value.of(header.getAsk().getAnswer().asReadOnlyByteBuffer()));
    }

    /** Asks where the nodes are that lead the partitions, HOST:PORT or empty for each; an empty list if there are none. */
    CompletableFuture<List<String>> leaders() {
        return call(
                CallExchange.Kind.READ,
                Wire.CallHeader.newBuilder().setLeaders(Wire.Leaders.getDefaultInstance()),
                Wire.NamespaceItem.parser(),
                CatalogueCodec::fromWire,
                (header, none) -> List.copyOf(header.getLeaders().getLeadersList()));
    }

    private CompletableFuture<NamespaceInfo> oneNamespace(CallExchange.Kind kind, Wire.CallHeader.Builder header) {
        return call(
                kind,
                header,
                Wire.NamespaceItem.parser(),
                CatalogueCodec::fromWire,
                (reply, namespaces) -> CallExchange.one(namespaces));
    }

    private <I extends MessageLite, R, T extends @Nullable Object> CompletableFuture<T> call(
            CallExchange.Kind kind,
            Wire.CallHeader.Builder header,
            Parser<I> itemParser,
            Function<? super I, ? extends R> item,
            BiFunction<Wire.ReplyHeader, List<R>, T> result) {
        pool.checkOpen();
        Wire.CallHeader call = header.build();
        Exchange exchange = new CallExchange<>(
                Operation.ADMIN,
                kind,
                timeout ->
                        BodyWriter.of(call.toBuilder().setTimeoutMillis(timeout).build()),
                itemParser,
                item,
                result);
        return pool.call(exchange, null, null, null, pool.options.timeout(), 0);
    }
}
