// A vector that keeps its few elements inside itself, so that a decision of the limiter allocates nothing.
// Not a general container: it never grows beyond its capacity and only what the limiter needs is here.
#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "base/check.h"

namespace weir::limits {

// Not thread-safe: a value.
template <typename T, std::size_t kCapacity>
class InlineVector {
 public:
  using value_type = T;
  using size_type = std::size_t;
  using reference = T&;
  using const_reference = const T&;
  using iterator = T*;
  using const_iterator = const T*;

  InlineVector() noexcept {}  // NOLINT(modernize-use-equals-default): must leave the storage as it is
  InlineVector(const InlineVector& other) {
    for (const T& element : other) push_back(element);
  }
  InlineVector(InlineVector&& other) noexcept {
    for (T& element : other) push_back(std::move(element));
    other.clear();
  }
  InlineVector& operator=(const InlineVector& other) {
    if (this == &other) return *this;
    clear();
    for (const T& element : other) push_back(element);
    return *this;
  }
  InlineVector& operator=(InlineVector&& other) noexcept {
    if (this == &other) return *this;
    clear();
    for (T& element : other) push_back(std::move(element));
    other.clear();
    return *this;
  }
  ~InlineVector() { clear(); }

  template <typename... Args>
  T& emplace_back(Args&&... args) {
    CHECK(size_ < kCapacity, "the number of elements is bounded by whoever made the type");
    T* const place = data() + size_;
    if constexpr (std::is_constructible_v<T, Args...>) {
      std::construct_at(place, std::forward<Args>(args)...);
    } else {
      ::new (static_cast<void*>(place)) T{std::forward<Args>(args)...};  // an aggregate, for compilers without P0960
    }
    ++size_;
    return *place;
  }
  void push_back(const T& element) { emplace_back(element); }
  void push_back(T&& element) { emplace_back(std::move(element)); }
  void clear() {
    std::destroy(begin(), end());
    size_ = 0;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] static constexpr std::size_t capacity() { return kCapacity; }
  T& operator[](std::size_t index) { return data()[index]; }
  const T& operator[](std::size_t index) const { return data()[index]; }
  T& at(std::size_t index) {
    CHECK(index < size_, "an index is below the size");
    return data()[index];
  }
  [[nodiscard]] const T& at(std::size_t index) const { return const_cast<InlineVector*>(this)->at(index); }
  T& front() { return at(0); }
  [[nodiscard]] const T& front() const { return at(0); }
  T& back() { return at(size_ - 1); }
  [[nodiscard]] const T& back() const { return at(size_ - 1); }
  iterator begin() { return data(); }
  iterator end() { return data() + size_; }
  [[nodiscard]] const_iterator begin() const { return data(); }
  [[nodiscard]] const_iterator end() const { return data() + size_; }

 private:
  T* data() { return elements_.data(); }
  [[nodiscard]] const T* data() const { return elements_.data(); }

  // A union leaves the life of its member to us: only the first size_ elements live.
  union {
    std::array<T, kCapacity> elements_;
  };
  std::size_t size_ = 0;
};

}  // namespace weir::limits
