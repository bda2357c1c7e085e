// What belongs to the process or the thread: errors, grad mode, random generators, threads, devices.
#include "shim.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <cstdlib>
#include <cstring>

using namespace shim;

thread_local std::string shim::last_error;

// Null when nothing failed on this thread since the last call; the caller frees it with THSTorch_free.
EXPORT_API(char*) THSTorch_get_and_reset_last_err() {
    if (last_error.empty()) return nullptr;
    auto* message = static_cast<char*>(std::malloc(last_error.size() + 1));
    std::memcpy(message, last_error.c_str(), last_error.size() + 1);
    last_error.clear();
    return message;
}

EXPORT_API(const char*) THSTorch_libtorch_version() { return TORCH_VERSION; }

EXPORT_API(bool) THSAutograd_isGradEnabled() { return c10::GradMode::is_enabled(); }
EXPORT_API(void) THSAutograd_setGrad(bool enabled) { c10::GradMode::set_enabled(enabled); }
EXPORT_API(bool) THSAutograd_isInferenceModeEnabled() { return c10::InferenceMode::is_enabled(); }
// The guard must be deleted on the thread that made it, in reverse order of making.
EXPORT_API(c10::InferenceMode*) THSAutograd_getInferenceModeGuard(bool mode) { return new c10::InferenceMode(mode); }
EXPORT_API(void) THSAutograd_deleteInferenceModeGuard(c10::InferenceMode* guard) { delete guard; }

EXPORT_API(int32_t) THSTorch_get_num_threads() { return at::get_num_threads(); }
EXPORT_API(void) THSTorch_set_num_threads(int32_t threads) { at::set_num_threads(threads); }

EXPORT_API(int32_t) THSTorch_manual_seed(int64_t seed) {
    return guarded<int32_t>(-1, [&] {
        at::manual_seed(seed);
        return 0;
    });
}

EXPORT_API(at::Generator*) THSGenerator_default_generator() { return new at::Generator(at::detail::getDefaultCPUGenerator()); }

EXPORT_API(at::Generator*) THSGenerator_new(uint64_t seed, int32_t device_type, int32_t device_index) {
    return guarded<at::Generator*>(nullptr, [&] {
        auto type = static_cast<c10::DeviceType>(device_type);
        if (type == c10::DeviceType::CPU) return new at::Generator(at::detail::createCPUGenerator(seed));
        auto device = c10::Device(type, static_cast<c10::DeviceIndex>(device_index));
        auto generator = at::globalContext().defaultGenerator(device).clone();
        generator.set_current_seed(seed);
        return new at::Generator(generator);
    });
}

EXPORT_API(void) THSGenerator_dispose(at::Generator* generator) { delete generator; }
EXPORT_API(uint64_t) THSGenerator_initial_seed(const at::Generator* generator) { return generator->current_seed(); }

EXPORT_API(void) THSGenerator_manual_seed(at::Generator* generator, uint64_t seed) { generator->set_current_seed(seed); }

EXPORT_API(Tensor*) THSGenerator_get_state(const at::Generator* generator) {
    return guarded<Tensor*>(nullptr, [&] { return release(generator->get_state()); });
}

EXPORT_API(int32_t) THSGenerator_set_state(at::Generator* generator, const Tensor* state) {
    return guarded<int32_t>(-1, [&] {
        generator->set_state(*state);
        return 0;
    });
}

EXPORT_API(bool) THSTorchCuda_is_available() { return torch::cuda::is_available(); }
EXPORT_API(bool) THSTorchCuda_cudnn_is_available() { return torch::cuda::cudnn_is_available(); }
EXPORT_API(int32_t) THSTorchCuda_device_count() { return static_cast<int32_t>(torch::cuda::device_count()); }

// device_index -1 is the current device.
EXPORT_API(int32_t) THSTorchCuda_synchronize(int64_t device_index) {
    return guarded<int32_t>(-1, [&] {
        torch::cuda::synchronize(device_index);
        return 0;
    });
}

EXPORT_API(int32_t) THSCuda_manual_seed(int64_t seed, bool all_devices) {
    return guarded<int32_t>(-1, [&] {
        all_devices ? torch::cuda::manual_seed_all(seed) : torch::cuda::manual_seed(seed);
        return 0;
    });
}
