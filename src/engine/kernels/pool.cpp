#include "pool.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace engine {
namespace {

constexpr auto SPIN = std::chrono::microseconds(60);  // longer than the gap between two kernels of a step

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

// Job number, number of chunks and next chunk in one word: whoever takes a number from it knows at once whether the
// chunk exists, and the job's fields stay put until every chunk that exists has been done.
constexpr int CHUNK_BITS = 22;
constexpr uint64_t CHUNK_MASK = (uint64_t(1) << CHUNK_BITS) - 1;
constexpr int64_t MAX_CHUNKS = int64_t(1) << (CHUNK_BITS - 1);  // the counter runs a little past the last chunk

class Pool {
  public:
    ~Pool() { stop(); }

    int size() const { return int(workers_.size()) + 1; }

    void resize(int threads) {
        std::lock_guard<std::mutex> lock(busy_);
        stop();
        stopping_.store(false);
        for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
    }

    void run(int64_t chunks, Body body, void* context) {
        std::unique_lock<std::mutex> lock(busy_, std::try_to_lock);
        if (chunks <= 1 || !lock.owns_lock() || workers_.empty() || chunks > MAX_CHUNKS) {
            for (int64_t chunk = 0; chunk < chunks; ++chunk) body(context, chunk);
            return;
        }
        body_ = body;
        context_ = context;
        done_.store(0, std::memory_order_relaxed);
        ++job_;
        ticket_.store((job_ << (2 * CHUNK_BITS)) | (uint64_t(chunks) << CHUNK_BITS), std::memory_order_seq_cst);
        if (sleeping_.load(std::memory_order_seq_cst) > 0) {
            std::lock_guard<std::mutex> wake(sleep_);
            awake_.notify_all();
        }
        take_chunks();
        for (int spins = 0; done_.load(std::memory_order_acquire) < chunks; ++spins) {
            if (spins < 2000) pause();
            else std::this_thread::yield();
        }
    }

  private:
    static bool has_chunks(uint64_t ticket) {
        return (ticket & CHUNK_MASK) < ((ticket >> CHUNK_BITS) & CHUNK_MASK);
    }

    void take_chunks() {
        while (has_chunks(ticket_.load(std::memory_order_relaxed))) {
            const uint64_t ticket = ticket_.fetch_add(1, std::memory_order_acq_rel);
            if (!has_chunks(ticket)) return;
            body_(context_, int64_t(ticket & CHUNK_MASK));
            done_.fetch_add(1, std::memory_order_release);
        }
    }

    bool wanted() const { return has_chunks(ticket_.load(std::memory_order_seq_cst)) || stopping_.load(); }

    void work() {
        while (!stopping_.load(std::memory_order_relaxed)) {
            take_chunks();
            const auto deadline = std::chrono::steady_clock::now() + SPIN;
            bool found = false;
            while (!found && std::chrono::steady_clock::now() < deadline) {
                for (int i = 0; i < 32 && !found; ++i) {
                    pause();
                    found = wanted();
                }
            }
            if (found) continue;
            std::unique_lock<std::mutex> lock(sleep_);
            sleeping_.fetch_add(1, std::memory_order_seq_cst);
            awake_.wait(lock, [this] { return wanted(); });
            sleeping_.fetch_sub(1, std::memory_order_seq_cst);
        }
    }

    void stop() {
        {
            std::lock_guard<std::mutex> lock(sleep_);
            stopping_.store(true);
            awake_.notify_all();
        }
        for (std::thread& worker : workers_) worker.join();
        workers_.clear();
    }

    std::mutex busy_;
    std::vector<std::thread> workers_;
    alignas(64) std::atomic<uint64_t> ticket_{0};
    alignas(64) std::atomic<int64_t> done_{0};
    alignas(64) std::atomic<int> sleeping_{0};
    std::atomic<bool> stopping_{false};
    std::mutex sleep_;
    std::condition_variable awake_;
    Body body_ = nullptr;
    void* context_ = nullptr;
    uint64_t job_ = 0;
};

// Never destroyed: workers may outlive static destruction, and a forked child has no workers to join.
Pool& pool() {
    static Pool* instance = new Pool;
    return *instance;
}

struct Buffer {
    void* data = nullptr;
    size_t bytes = 0;
    ~Buffer() { std::free(data); }
};

}  // namespace

void run_chunks(int64_t chunks, Body body, void* context) { pool().run(chunks, body, context); }
void set_threads(int threads) { pool().resize(threads < 1 ? 1 : threads); }
int threads() { return pool().size(); }

void* scratch(Slot slot, size_t bytes) {
    static thread_local Buffer buffers[int(Slot::Count)];
    Buffer& buffer = buffers[int(slot)];
    if (bytes > buffer.bytes) {
        std::free(buffer.data);
        buffer.bytes = (bytes + 4095) & ~size_t(4095);
        buffer.data = std::aligned_alloc(4096, buffer.bytes);
        if (buffer.data == nullptr) {
            buffer.bytes = 0;
            throw std::bad_alloc();
        }
    }
    return buffer.data;
}

}  // namespace engine
