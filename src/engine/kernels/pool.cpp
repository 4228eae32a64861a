#include "pool.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace engine {

// A thread's share of a job: chunks [first, last) in one word, taken by the owner from the front and by the others from
// the back. All a thread needs to start is in one cache line.
struct alignas(64) Share {
    std::atomic<uint64_t> range{0};
    std::atomic<uint64_t> job{0};
    Body body = nullptr;  // stays put until every chunk of the job is done
    void* context = nullptr;

    static uint64_t pack(uint64_t first, uint64_t last) { return first << 32 | last; }

    bool take(bool own, int64_t& chunk) {
        uint64_t seen = range.load(std::memory_order_acquire);
        for (;;) {
            const uint64_t first = seen >> 32, last = seen & 0xffffffff;
            if (first >= last) return false;
            chunk = int64_t(own ? first : last - 1);
            const uint64_t left = own ? pack(first + 1, last) : pack(first, last - 1);
            if (range.compare_exchange_weak(seen, left, std::memory_order_acq_rel)) return true;
        }
    }
};

bool Chunks::next() {
    for (; distance_ < threads_; ++distance_)
        if (share().take(distance_ == 0, chunk_)) return ++taken_ > 0;
    return false;
}

Share& Chunks::share() const { return shares_[(self_ + distance_) % threads_]; }

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto WORKER_SPIN = std::chrono::microseconds(150);  // longer than the gap between two steps of a decode
constexpr auto CALLER_SPIN = std::chrono::microseconds(30);   // longer than a chunk of a decode

template <class Done>
bool spin_until(std::chrono::nanoseconds limit, Done&& done) {
    const auto deadline = Clock::now() + limit;
    do {
        for (int i = 0; i < 32; ++i) {
            if (done()) return true;
            pause();
        }
    } while (Clock::now() < deadline);
    return done();
}

class Pool {
  public:
    Pool() : shares_(1) {}

    int size() const { return int(workers_.size()) + 1; }

    void resize(int threads) {
        std::lock_guard<std::mutex> lock(busy_);
        stop();
        stopping_.store(false);
        shares_ = std::vector<Share>(size_t(threads));
        for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(size_t(i)); });
    }

    void run(int64_t chunks, Body body, void* context) {
        std::unique_lock<std::mutex> lock(busy_, std::defer_lock);
        if (chunks <= 1 || workers_.empty() || !lock.try_lock()) {
            Share alone{Share::pack(0, uint64_t(chunks)), 0, body, context};
            do_share(&alone, 1, 0);
            return;
        }
        chunks_.store(chunks, std::memory_order_relaxed);
        done_.store(0, std::memory_order_relaxed);
        ++job_;
        const uint64_t threads = shares_.size(), count = uint64_t(chunks);
        for (uint64_t i = threads; i-- > 0;) {
            Share& share = shares_[i];
            share.body = body;
            share.context = context;
            share.range.store(Share::pack(count * i / threads, count * (i + 1) / threads), std::memory_order_release);
            share.job.store(job_, std::memory_order_seq_cst);
        }
        if (sleeping_.load(std::memory_order_seq_cst) > 0) {
            std::lock_guard<std::mutex> wake(sleep_);
            awake_.notify_all();
        }
        take_chunks(0);
        if (!spin_until(CALLER_SPIN, [this] { return all_done(); })) wait_until_done();
    }

  private:
    bool all_done() const { return done_.load(std::memory_order_seq_cst) >= chunks_.load(std::memory_order_relaxed); }

    // Returns how many chunks were done.
    static int64_t do_share(Share* shares, size_t threads, size_t self) {
        Chunks chunks(shares, threads, self);
        if (!chunks.next()) return 0;
        const Share& share = chunks.share();
        share.body(share.context, chunks);
        return chunks.taken();
    }

    void take_chunks(size_t self) {
        const int64_t count = do_share(shares_.data(), shares_.size(), self);
        if (count == 0) return;
        if (done_.fetch_add(count, std::memory_order_seq_cst) + count >= chunks_.load(std::memory_order_relaxed) &&
            waiting_.load(std::memory_order_seq_cst)) {
            std::lock_guard<std::mutex> lock(finish_);
            finished_.notify_one();
        }
    }

    // A worker holds the last chunk and the operating system has given its core to someone else: sleep, so that it can
    // go on on this one.
    void wait_until_done() {
        std::unique_lock<std::mutex> lock(finish_);
        waiting_.store(true, std::memory_order_seq_cst);
        finished_.wait(lock, [this] { return all_done(); });
        waiting_.store(false, std::memory_order_relaxed);
    }

    void work(size_t self) {
        Share& own = shares_[self];
        uint64_t seen = 0;
        const auto wanted = [&] { return own.job.load(std::memory_order_seq_cst) != seen || stopping_.load(); };
        while (!stopping_.load(std::memory_order_relaxed)) {
            if (!spin_until(WORKER_SPIN, wanted)) {
                std::unique_lock<std::mutex> lock(sleep_);
                sleeping_.fetch_add(1, std::memory_order_seq_cst);
                awake_.wait(lock, wanted);
                sleeping_.fetch_sub(1, std::memory_order_seq_cst);
            }
            seen = own.job.load(std::memory_order_acquire);
            take_chunks(self);
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
    std::vector<Share> shares_;  // the caller's is the first
    uint64_t job_ = 0;
    std::atomic<int64_t> chunks_{0};
    alignas(64) std::atomic<int64_t> done_{0};
    std::atomic<bool> waiting_{false};
    alignas(64) std::atomic<int> sleeping_{0};
    std::atomic<bool> stopping_{false};
    std::mutex sleep_, finish_;
    std::condition_variable awake_, finished_;
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
