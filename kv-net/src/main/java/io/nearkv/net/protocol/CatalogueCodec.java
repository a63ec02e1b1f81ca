package io.nearkv.net.protocol;

import com.google.protobuf.ByteString;
import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.BackupInfo;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.net.wire.Wire;

/** Accounts, namespaces and backups as the items and headers of calls; checks as {@link EntryCodec}. Stateless. */
public final class CatalogueCodec {
    private CatalogueCodec() {}

    /** Returns the 16 bytes of an id. */
    public static ByteString toWire(AccountId id) {
        return Ids.toWire(id.high(), id.low());
    }

    /** Returns the account with these 16 bytes. */
    public static AccountId account(ByteString id) {
        return new AccountId(Ids.high(id), Ids.low(id));
    }

    /** Returns the account with these 16 bytes, or {@code ifEmpty} for none. */
    public static AccountId account(ByteString id, AccountId ifEmpty) {
        return id.isEmpty() ? ifEmpty : account(id);
    }

    /** Returns an account as an item. */
    public static Wire.AccountItem toWire(AccountInfo account) {
        return Wire.AccountItem.newBuilder()
                .setId(toWire(account.id()))
                .setName(account.name())
                .build();
    }

    /** Returns the account of an item. */
    public static AccountInfo fromWire(Wire.AccountItem item) {
        return new AccountInfo(account(item.getId()), item.getName());
    }

    /** Returns a namespace as an item. */
    public static Wire.NamespaceItem toWire(NamespaceInfo namespace) {
        return Wire.NamespaceItem.newBuilder()
                .setId(EntryCodec.toWire(namespace.id()))
                .setAccount(toWire(namespace.account()))
                .setTitle(namespace.title())
                .build();
    }

    /** Returns the namespace of an item. */
    public static NamespaceInfo fromWire(Wire.NamespaceItem item) {
        return new NamespaceInfo(EntryCodec.namespace(item.getId()), account(item.getAccount()), item.getTitle());
    }

    /** Returns a backup as the header of a reply. */
    public static Wire.BackupReply toWire(BackupInfo backup) {
        return Wire.BackupReply.newBuilder()
                .setId(backup.id())
                .setPosition(OptionsCodec.toWire(backup.position()))
                .setSizeBytes(backup.sizeBytes())
                .setFolder(backup.folder())
                .build();
    }

    /** Returns the backup of a reply. */
    public static BackupInfo fromWire(Wire.BackupReply reply) {
        return new BackupInfo(
                reply.getId(), OptionsCodec.fromWire(reply.getPosition()), reply.getSizeBytes(), reply.getFolder());
    }
}
