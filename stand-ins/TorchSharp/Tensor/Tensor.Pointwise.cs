using TorchSharp.PInvoke;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>|x|</summary>
        public Tensor abs() => Aten.Call("aten::abs", this);

        public Tensor abs_() => InPlace("aten::abs_", this);

        public Tensor acos() => Aten.Call("aten::acos", this);

        public Tensor acos_() => InPlace("aten::acos_", this);

        public Tensor asin() => Aten.Call("aten::asin", this);

        public Tensor asin_() => InPlace("aten::asin_", this);

        public Tensor atan() => Aten.Call("aten::atan", this);

        public Tensor atan_() => InPlace("aten::atan_", this);

        public Tensor ceil() => Aten.Call("aten::ceil", this);

        public Tensor ceil_() => InPlace("aten::ceil_", this);

        public Tensor cos() => Aten.Call("aten::cos", this);

        public Tensor cos_() => InPlace("aten::cos_", this);

        public Tensor cosh() => Aten.Call("aten::cosh", this);

        public Tensor cosh_() => InPlace("aten::cosh_", this);

        /// <summary>The error function.</summary>
        public Tensor erf() => Aten.Call("aten::erf", this);

        public Tensor erf_() => InPlace("aten::erf_", this);

        /// <summary>1 - erf(x).</summary>
        public Tensor erfc() => Aten.Call("aten::erfc", this);

        public Tensor erfc_() => InPlace("aten::erfc_", this);

        public Tensor exp() => Aten.Call("aten::exp", this);

        public Tensor exp_() => InPlace("aten::exp_", this);

        /// <summary>exp(x) - 1, exact near 0.</summary>
        public Tensor expm1() => Aten.Call("aten::expm1", this);

        public Tensor expm1_() => InPlace("aten::expm1_", this);

        public Tensor floor() => Aten.Call("aten::floor", this);

        public Tensor floor_() => InPlace("aten::floor_", this);

        public Tensor frac() => Aten.Call("aten::frac", this);

        public Tensor frac_() => InPlace("aten::frac_", this);

        /// <summary>The natural logarithm.</summary>
        public Tensor log() => Aten.Call("aten::log", this);

        public Tensor log_() => InPlace("aten::log_", this);

        public Tensor log10() => Aten.Call("aten::log10", this);

        public Tensor log10_() => InPlace("aten::log10_", this);

        /// <summary>log(1 + x), exact near 0.</summary>
        public Tensor log1p() => Aten.Call("aten::log1p", this);

        public Tensor log1p_() => InPlace("aten::log1p_", this);

        public Tensor log2() => Aten.Call("aten::log2", this);

        public Tensor log2_() => InPlace("aten::log2_", this);

        public Tensor neg() => Aten.Call("aten::neg", this);

        public Tensor neg_() => InPlace("aten::neg_", this);

        /// <summary>1 / x</summary>
        public Tensor reciprocal() => Aten.Call("aten::reciprocal", this);

        public Tensor reciprocal_() => InPlace("aten::reciprocal_", this);

        /// <summary>1 / sqrt(x)</summary>
        public Tensor rsqrt() => Aten.Call("aten::rsqrt", this);

        public Tensor rsqrt_() => InPlace("aten::rsqrt_", this);

        /// <summary>1 / (1 + exp(-x))</summary>
        public Tensor sigmoid() => Aten.Call("aten::sigmoid", this);

        public Tensor sigmoid_() => InPlace("aten::sigmoid_", this);

        public Tensor sign() => Aten.Call("aten::sign", this);

        public Tensor sign_() => InPlace("aten::sign_", this);

        public Tensor sin() => Aten.Call("aten::sin", this);

        public Tensor sin_() => InPlace("aten::sin_", this);

        public Tensor sinh() => Aten.Call("aten::sinh", this);

        public Tensor sinh_() => InPlace("aten::sinh_", this);

        public Tensor sqrt() => Aten.Call("aten::sqrt", this);

        public Tensor sqrt_() => InPlace("aten::sqrt_", this);

        public Tensor tan() => Aten.Call("aten::tan", this);

        public Tensor tan_() => InPlace("aten::tan_", this);

        public Tensor tanh() => Aten.Call("aten::tanh", this);

        public Tensor tanh_() => InPlace("aten::tanh_", this);

        public Tensor trunc() => Aten.Call("aten::trunc", this);

        public Tensor trunc_() => InPlace("aten::trunc_", this);

        /// <summary>max(x, 0)</summary>
        public Tensor relu() => Aten.Call("aten::relu", this);

        public Tensor relu_() => InPlace("aten::relu_", this);

        /// <summary>x sigmoid(x)</summary>
        public Tensor silu() => Aten.Call("aten::silu", this);

        public Tensor silu_() => InPlace("aten::silu_", this);

        public Tensor logical_not() => Aten.Call("aten::logical_not", this);

        public Tensor logical_not_() => InPlace("aten::logical_not_", this);

        public Tensor bitwise_not() => Aten.Call("aten::bitwise_not", this);

        public Tensor bitwise_not_() => InPlace("aten::bitwise_not_", this);

        public Tensor erfinv() => Aten.Call("aten::erfinv", this);

        public Tensor erfinv_() => InPlace("aten::erfinv_", this);

        /// <summary>log |gamma(x)|</summary>
        public Tensor lgamma() => Aten.Call("aten::lgamma", this);

        public Tensor lgamma_() => InPlace("aten::lgamma_", this);

        /// <summary>The derivative of lgamma.</summary>
        public Tensor digamma() => Aten.Call("aten::digamma", this);

        public Tensor digamma_() => InPlace("aten::digamma_", this);

        public Tensor selu() => Aten.Call("aten::selu", this);

        public Tensor selu_() => InPlace("aten::selu_", this);

        public Tensor hardsigmoid() => Aten.Call("aten::hardsigmoid", this);

        public Tensor hardsigmoid_() => InPlace("aten::hardsigmoid_", this);

        public Tensor hardswish() => Aten.Call("aten::hardswish", this);

        public Tensor hardswish_() => InPlace("aten::hardswish_", this);

        /// <summary>min(max(x, 0), 6)</summary>
        public Tensor relu6() => Aten.Call("aten::relu6", this);

        public Tensor relu6_() => InPlace("aten::relu6_", this);

        public Tensor isnan() => Aten.Call("aten::isnan", this);

        public Tensor isinf() => Aten.Call("aten::isinf", this);

        public Tensor isfinite() => Aten.Call("aten::isfinite", this);

        public Tensor isposinf() => Aten.Call("aten::isposinf", this);

        public Tensor isneginf() => Aten.Call("aten::isneginf", this);

        public Tensor signbit() => Aten.Call("aten::signbit", this);

        public Tensor absolute() => abs();

        public Tensor negative() => neg();

        public Tensor square() => Aten.Call("aten::square", this);

        public Tensor exp2() => Aten.Call("aten::exp2", this);

        /// <summary>Rounds half to even, to a number of decimals.</summary>
        public Tensor round(long decimals = 0L) => Aten.Call("aten::round.decimals", this, decimals);

        public Tensor round_(long decimals = 0L) => InPlace("aten::round_.decimals", this, decimals);

        public Tensor sgn() => Aten.Call("aten::sgn", this);

        public Tensor positive() => Aten.Call("aten::positive", this);

        public Tensor gelu() => Aten.Call("aten::gelu", this);

        public Tensor log_sigmoid() => Aten.Call("aten::log_sigmoid", this);

        public Tensor elu(double alpha = 1) => elu(alpha, 1.0, 1.0);

        public Tensor elu(Scalar alpha, Scalar scale, Scalar input_scale) => Aten.Call("aten::elu", this, alpha, scale, input_scale);

        public Tensor leaky_relu(Scalar negative_slope) => Aten.Call("aten::leaky_relu", this, negative_slope);

        public Tensor leaky_relu_(Scalar negative_slope) => InPlace("aten::leaky_relu_", this, negative_slope);

        public Tensor hardtanh(Scalar min, Scalar max) => Aten.Call("aten::hardtanh", this, min, max);

        /// <summary>log(1 + exp(beta x)) / beta, and x where beta x exceeds the threshold.</summary>
        public Tensor softplus(double beta = 1, double threshold = 20) => Aten.Call("aten::softplus", this, beta, threshold);

        public Tensor softmax(long dim, ScalarType? dtype = null) => Aten.Call("aten::softmax.int", this, dim, dtype);

        public Tensor log_softmax(long dim, ScalarType? dtype = null) => Aten.Call("aten::log_softmax.int", this, dim, dtype);

        public Tensor logit(double? eps = null) => Aten.Call("aten::logit", this, eps);

        public Tensor nan_to_num(double nan = 0d, double? posinf = null, double? neginf = null) =>
            Aten.Call("aten::nan_to_num", this, nan, posinf, neginf);

        public Tensor fill_(Scalar value) => InPlace("aten::fill_.Scalar", this, value);

        public Tensor zero_() => InPlace("aten::zero_", this);

        /// <summary>Limits the elements to [min, max]; a missing bound does not limit.</summary>
        public Tensor clamp(Scalar? min = null, Scalar? max = null) => Aten.Call("aten::clamp", this, min, max);

        public Tensor clamp(Tensor? min = null, Tensor? max = null) => Aten.Call("aten::clamp.Tensor", this, min, max);

        public Tensor clamp_(Scalar? min = null, Scalar? max = null) => InPlace("aten::clamp_", this, min, max);

        public Tensor clamp_(Tensor? min = null, Tensor? max = null) => InPlace("aten::clamp_.Tensor", this, min, max);

        public Tensor clip(Scalar? min = null, Scalar? max = null) => clamp(min, max);

        public Tensor clamp_max(Scalar max) => Aten.Call("aten::clamp_max", this, max);

        public Tensor clamp_max_(Scalar max) => InPlace("aten::clamp_max_", this, max);

        public Tensor clamp_min(Scalar min) => Aten.Call("aten::clamp_min", this, min);

        public Tensor clamp_min_(Scalar min) => InPlace("aten::clamp_min_", this, min);

        /// <summary>this + weight (end - this)</summary>
        public Tensor lerp(Tensor end, Tensor weight) => Aten.Call("aten::lerp.Tensor", this, end, weight);

        public Tensor lerp_(Tensor end, Tensor weight) => InPlace("aten::lerp_.Tensor", this, end, weight);
    }
}
