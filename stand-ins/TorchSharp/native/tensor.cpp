// Lifetime, metadata and memory of a tensor, and what autograd keeps on it.
#include "shim.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>

#include <cstring>
#include <vector>

using namespace shim;

EXPORT_API(void) THSTensor_dispose(Tensor* tensor) { delete tensor; }

EXPORT_API(int64_t) THSTensor_ndimension(const Tensor* tensor) { return tensor->dim(); }
EXPORT_API(int64_t) THSTensor_numel(const Tensor* tensor) { return tensor->numel(); }
EXPORT_API(int64_t) THSTensor_element_size(const Tensor* tensor) { return tensor->element_size(); }
EXPORT_API(int64_t) THSTensor_storage_offset(const Tensor* tensor) { return tensor->storage_offset(); }
EXPORT_API(int8_t) THSTensor_type(const Tensor* tensor) { return static_cast<int8_t>(tensor->scalar_type()); }
EXPORT_API(int32_t) THSTensor_device_type(const Tensor* tensor) { return static_cast<int32_t>(tensor->device().type()); }
EXPORT_API(int32_t) THSTensor_device_index(const Tensor* tensor) { return tensor->device().index(); }
EXPORT_API(bool) THSTensor_is_contiguous(const Tensor* tensor) { return tensor->is_contiguous(); }
EXPORT_API(bool) THSTensor_is_leaf(const Tensor* tensor) { return tensor->is_leaf(); }
EXPORT_API(bool) THSTensor_is_sparse(const Tensor* tensor) { return tensor->is_sparse(); }
EXPORT_API(bool) THSTensor_requires_grad(const Tensor* tensor) { return tensor->requires_grad(); }

// `out` holds ndimension() elements.
EXPORT_API(void) THSTensor_sizes(const Tensor* tensor, int64_t* out) {
    auto sizes = tensor->sizes();
    std::memcpy(out, sizes.data(), sizes.size() * sizeof(int64_t));
}
EXPORT_API(void) THSTensor_strides(const Tensor* tensor, int64_t* out) {
    auto strides = tensor->strides();
    std::memcpy(out, strides.data(), strides.size() * sizeof(int64_t));
}

EXPORT_API(void*) THSTensor_data(const Tensor* tensor) {
    return guarded<void*>(nullptr, [&] { return tensor->data_ptr(); });
}

// A CPU tensor over memory that the caller owns and keeps alive; `release(context)` is called when libtorch lets go of it.
EXPORT_API(Tensor*) THSTensor_from_blob(void* data, void (*release_memory)(void*), void* context, const int64_t* sizes, int32_t count, int8_t dtype) {
    return guarded<Tensor*>(nullptr, [&] {
        auto deleter = [release_memory, context](void*) { release_memory(context); };
        return release(at::from_blob(data, at::IntArrayRef(sizes, count), deleter, at::TensorOptions(static_cast<at::ScalarType>(dtype))));
    });
}

EXPORT_API(int32_t) THSTensor_set_requires_grad(Tensor* tensor, bool requires_grad) {
    return guarded<int32_t>(-1, [&] {
        tensor->set_requires_grad(requires_grad);
        return 0;
    });
}

EXPORT_API(Tensor*) THSTensor_grad(const Tensor* tensor) {
    return guarded<Tensor*>(nullptr, [&] { return release(tensor->grad()); });
}

// A null gradient clears it.
EXPORT_API(int32_t) THSTensor_set_grad(Tensor* tensor, const Tensor* grad) {
    return guarded<int32_t>(-1, [&] {
        tensor->mutable_grad() = grad ? *grad : Tensor();
        return 0;
    });
}

namespace {

std::vector<Tensor> gather(Tensor* const* tensors, int32_t count) {
    std::vector<Tensor> list(count);
    for (int32_t i = 0; i < count; i++)
        if (tensors[i]) list[i] = *tensors[i];
    return list;
}

}  // namespace

EXPORT_API(int32_t) THSAutograd_backward(
    Tensor* const* tensors, int32_t count, Tensor* const* grad_tensors, int32_t grad_count, bool retain_graph, bool create_graph,
    Tensor* const* inputs, int32_t input_count) {
    return guarded<int32_t>(-1, [&] {
        torch::autograd::backward(
            gather(tensors, count), gather(grad_tensors, grad_count), retain_graph, create_graph, gather(inputs, input_count));
        return 0;
    });
}

// `results` holds input_count elements; an input that was not used gets null where allow_unused.
EXPORT_API(int32_t) THSAutograd_grad(
    Tensor* const* outputs, int32_t output_count, Tensor* const* inputs, int32_t input_count, Tensor* const* grad_outputs,
    int32_t grad_count, bool retain_graph, bool create_graph, bool allow_unused, Tensor** results) {
    return guarded<int32_t>(-1, [&] {
        auto grads = torch::autograd::grad(
            gather(outputs, output_count), gather(inputs, input_count), gather(grad_outputs, grad_count), retain_graph, create_graph,
            allow_unused);
        for (int32_t i = 0; i < input_count; i++) results[i] = release(grads[i]);
        return 0;
    });
}
