// SPDX-License-Identifier: GPL-2.0-only
/*
 * FileChannel on a view, a named pool and a new file of the file system: directory, other
 * directory.  A case that fails throws.
 */
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;

class Nio {
	static Path view, pool, file, copy, signal;
	static byte[] expected;

	static void check(boolean holds, String what) {
		if (!holds)
			throw new AssertionError(what);
	}

	static FileChannel reading(Path path) throws IOException {
		return FileChannel.open(path, StandardOpenOption.READ);
	}

	static FileChannel writing(Path path) throws IOException {
		return FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
	}

	static byte[] bytes(ByteBuffer buffer) {
		byte[] all = new byte[buffer.remaining()];

		buffer.get(all);
		return all;
	}

	static byte[] receive(SocketChannel from, int size) {
		ByteBuffer buffer = ByteBuffer.allocate(size);

		try {
			while (buffer.hasRemaining() && from.read(buffer) >= 0)
				;
		} catch (IOException error) {
			throw new AssertionError(error);
		}
		return Arrays.copyOf(buffer.array(), buffer.position());
	}

	/* Two ends of a TCP connection. */
	static SocketChannel[] connection() throws IOException {
		try (ServerSocketChannel listener = ServerSocketChannel.open()) {
			listener.bind(new InetSocketAddress("127.0.0.1", 0));
			SocketChannel near = SocketChannel.open(listener.getLocalAddress());
			return new SocketChannel[] { near, listener.accept() };
		}
	}

	static void transferTo() throws Exception {
		SocketChannel[] ends = connection();

		try (FileChannel channel = reading(view)) {
			var received = CompletableFuture.supplyAsync(() -> receive(ends[1], expected.length));
			long done = 0;

			while (done < channel.size())
				done += channel.transferTo(done, channel.size() - done, ends[0]);
			check(Arrays.equals(expected, received.get()), "what the peer got");
		}
		ends[0].close();
		ends[1].close();
	}

	static void readChannel() throws IOException {
		try (FileChannel channel = reading(view)) {
			ByteBuffer buffer = ByteBuffer.allocate(expected.length + 1);

			check(channel.size() == expected.length, "size");
			while (channel.read(buffer) > 0)
				;
			check(Arrays.equals(expected, bytes(buffer.flip())), "what was read");
		}
		check(Arrays.equals(expected, Files.readAllBytes(view)), "readAllBytes()");
	}

	static void mapReadOnly() throws IOException {
		try (FileChannel channel = reading(view)) {
			MappedByteBuffer map = channel.map(MapMode.READ_ONLY, 0, channel.size());

			check(Arrays.equals(expected, bytes(map.load())), "what is mapped");
		}
		try {
			writing(view).close();
			check(false, "a read-only view was opened for writing");
		} catch (IOException refused) {
			/* As it should be. */
		}
	}

	/* On the writable view, since PRIVATE needs a channel that may write. */
	static void mapPrivate() throws IOException {
		try (FileChannel channel = writing(view.resolveSibling("writable"))) {
			MappedByteBuffer map = channel.map(MapMode.PRIVATE, 0, channel.size());
			ByteBuffer back = ByteBuffer.allocate(1);
			byte before = map.get(0);

			map.put(0, (byte)(before + 1));
			check(map.get(0) == (byte)(before + 1), "what the mapping keeps");
			channel.read(back, 0);
			check(back.get(0) == before, "what the view keeps");
		}
	}

	static void mapReadWrite() throws IOException {
		try (FileChannel channel = writing(pool)) {
			MappedByteBuffer map = channel.map(MapMode.READ_WRITE, 0, channel.size());
			byte[] back = new byte[expected.length];

			map.put(12345, expected, 0, expected.length - 12345);
			map.force();
			channel.read(ByteBuffer.wrap(back), 12345);
			check(Arrays.equals(expected, 0, expected.length - 12345, back, 0,
					    expected.length - 12345), "what the pool has");
			channel.write(ByteBuffer.wrap("written".getBytes()), 0);
			check(map.get(0) == 'w', "what the mapping shows");
		}
	}

	/* What is changed after transferTo() returned, and before it is read, the peer reads. */
	static void samePages() throws IOException {
		SocketChannel[] ends = connection();

		try (FileChannel channel = writing(pool)) {
			MappedByteBuffer map = channel.map(MapMode.READ_WRITE, 0, 4096);

			map.put(100, (byte)'a');
			check(channel.transferTo(0, 4096, ends[0]) == 4096, "what was sent");
			map.put(100, (byte)'b');
			check(receive(ends[1], 4096)[100] == 'b', "what the peer got");
		}
		ends[0].close();
		ends[1].close();
	}

	static void transferToFile() throws IOException {
		try (FileChannel channel = reading(view);
		     FileChannel target = FileChannel.open(copy, StandardOpenOption.CREATE,
							   StandardOpenOption.WRITE)) {
			check(channel.transferTo(0, channel.size(), target) == channel.size(),
			      "what was copied");
		}
		check(Files.mismatch(view, copy) == -1, "the copy");
		Files.delete(copy);
		Files.copy(view, copy);
		check(Files.mismatch(view, copy) == -1, "the copy of Files.copy()");
	}

	static void transferFrom() throws IOException {
		try (FileChannel source = reading(copy); FileChannel channel = writing(pool)) {
			check(channel.transferFrom(source, 777, expected.length) == expected.length,
			      "what was copied");
			ByteBuffer back = ByteBuffer.allocate(expected.length);
			channel.read(back, 777);
			check(Arrays.equals(expected, back.array()), "what the pool has");
		}
	}

	/* As in any textbook: a new file, by its size and a mapping. */
	static void textbook() throws IOException {
		try (RandomAccessFile created = new RandomAccessFile(file.toFile(), "rw");
		     FileChannel channel = created.getChannel()) {
			MappedByteBuffer map = channel.map(MapMode.READ_WRITE, 0, expected.length);

			map.put(expected);
			map.force();
		}
		check(Files.size(file) == expected.length, "the file's size");
		check(Arrays.equals(expected, Files.readAllBytes(file)), "the file's content");
		Files.delete(file);
		try (RandomAccessFile created = new RandomAccessFile(file.toFile(), "rw")) {
			created.setLength(expected.length);
			created.write(expected);
			created.seek(0);
			byte[] back = new byte[expected.length];
			created.readFully(back);
			check(Arrays.equals(expected, back), "what was read");
		}
		Files.delete(file);
	}

	interface Case {
		void run() throws Exception;
	}

	static boolean failed;

	static void run(String name, Case test) {
		try {
			test.run();
			System.out.println("ok " + name);
		} catch (Throwable error) {
			failed = true;
			System.out.println("not ok " + name + " " + error + " " +
					   error.getStackTrace()[0] +
					   " " + error.getStackTrace()[1]);
		}
	}

	public static void main(String[] args) throws IOException {
		view = Path.of(args[0], "pages");
		pool = Path.of(args[0], "pool");
		file = Path.of(args[0], "file");
		copy = Path.of(args[1], "copy");
		expected = Files.readAllBytes(Path.of(args[1], "expected"));
		run("transfer_to", Nio::transferTo);
		run("read", Nio::readChannel);
		run("map_read_only", Nio::mapReadOnly);
		run("map_private", Nio::mapPrivate);
		run("map_read_write", Nio::mapReadWrite);
		run("transfer_same_pages", Nio::samePages);
		run("transfer_to_file", Nio::transferToFile);
		run("transfer_from", Nio::transferFrom);
		run("textbook", Nio::textbook);
		System.exit(failed ? 1 : 0);
	}
}
