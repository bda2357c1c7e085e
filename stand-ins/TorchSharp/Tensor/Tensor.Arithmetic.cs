using TorchSharp.PInvoke;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>How a quotient is rounded.</summary>
    public enum RoundingMode
    {
        None,
        trunc,
        floor
    }

    public partial class Tensor
    {
        public Tensor add(Tensor target) => Aten.Call("aten::add.Tensor", this, target);

        /// <summary>this + alpha target</summary>
        public Tensor add(Tensor target, Scalar alpha) => Aten.Call("aten::add.Tensor", this, target, alpha);

        public Tensor add(Scalar scalar) => Aten.Call("aten::add.Scalar", this, scalar);

        public Tensor add(Scalar scalar, Scalar alpha) => Aten.Call("aten::add.Scalar", this, scalar, alpha);

        public Tensor add_(Tensor target) => InPlace("aten::add_.Tensor", this, target);

        public Tensor add_(Tensor target, Scalar alpha) => InPlace("aten::add_.Tensor", this, target, alpha);

        public Tensor add_(Scalar scalar) => InPlace("aten::add_.Scalar", this, scalar);

        public Tensor add_(Scalar scalar, Scalar alpha) => InPlace("aten::add_.Scalar", this, scalar, alpha);

        public Tensor sub(Tensor target) => Aten.Call("aten::sub.Tensor", this, target);

        public Tensor sub(Scalar target) => Aten.Call("aten::sub.Scalar", this, target);

        public Tensor subtract(Tensor target) => sub(target);

        public Tensor subtract(Scalar target) => sub(target);

        public Tensor sub_(Tensor target) => InPlace("aten::sub_.Tensor", this, target);

        public Tensor sub_(Scalar target) => InPlace("aten::sub_.Scalar", this, target);

        public Tensor subtract_(Tensor target) => sub_(target);

        public Tensor subtract_(Scalar target) => sub_(target);

        public Tensor mul(Tensor target) => Aten.Call("aten::mul.Tensor", this, target);

        public Tensor mul(Scalar target) => Aten.Call("aten::mul.Scalar", this, target);

        public Tensor multiply(Tensor target) => mul(target);

        public Tensor multiply(Scalar target) => mul(target);

        public Tensor mul_(Tensor target) => InPlace("aten::mul_.Tensor", this, target);

        public Tensor mul_(Scalar target) => InPlace("aten::mul_.Scalar", this, target);

        public Tensor div(Tensor target, RoundingMode rounding_mode = RoundingMode.None) =>
            Aten.Call("aten::div.Tensor_mode", this, target, ModeName(rounding_mode));

        public Tensor div(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            Aten.Call("aten::div.Scalar_mode", this, target, ModeName(rounding_mode));

        public Tensor div_(Tensor target, RoundingMode rounding_mode = RoundingMode.None) =>
            InPlace("aten::div_.Tensor_mode", this, target, ModeName(rounding_mode));

        public Tensor div_(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            InPlace("aten::div_.Scalar_mode", this, target, ModeName(rounding_mode));

        private static string? ModeName(RoundingMode mode) => mode switch
        {
            RoundingMode.trunc => "trunc",
            RoundingMode.floor => "floor",
            _ => null
        };

        public Tensor true_divide(Tensor other) => Aten.Call("aten::true_divide.Tensor", this, other);

        public Tensor true_divide(Scalar other) => Aten.Call("aten::true_divide.Scalar", this, other);

        public Tensor floor_divide(Tensor other) => Aten.Call("aten::floor_divide", this, other);

        public Tensor floor_divide(Scalar other) => Aten.Call("aten::floor_divide.Scalar", this, other);

        public Tensor floor_divide_(Tensor other) => InPlace("aten::floor_divide_.Tensor", this, other);

        public Tensor floor_divide_(Scalar other) => InPlace("aten::floor_divide_.Scalar", this, other);

        public Tensor remainder(Tensor target) => Aten.Call("aten::remainder.Tensor", this, target);

        public Tensor remainder(Scalar scalar) => Aten.Call("aten::remainder.Scalar", this, scalar);

        public Tensor remainder_(Tensor target) => InPlace("aten::remainder_.Tensor", this, target);

        public Tensor remainder_(Scalar scalar) => InPlace("aten::remainder_.Scalar", this, scalar);

        public Tensor fmod(Tensor target) => Aten.Call("aten::fmod.Tensor", this, target);

        public Tensor fmod(Scalar scalar) => Aten.Call("aten::fmod.Scalar", this, scalar);

        public Tensor fmod_(Tensor target) => InPlace("aten::fmod_.Tensor", this, target);

        public Tensor fmod_(Scalar scalar) => InPlace("aten::fmod_.Scalar", this, scalar);

        public Tensor pow(Tensor exponent) => Aten.Call("aten::pow.Tensor_Tensor", this, exponent);

        public Tensor pow(Scalar exponent) => Aten.Call("aten::pow.Tensor_Scalar", this, exponent);

        public Tensor pow_(Tensor exponent) => InPlace("aten::pow_.Tensor", this, exponent);

        public Tensor pow_(Scalar exponent) => InPlace("aten::pow_.Scalar", this, exponent);

        public Tensor xlogy(Tensor y) => Aten.Call("aten::xlogy.Tensor", this, y);

        public Tensor xlogy(Scalar y) => Aten.Call("aten::xlogy.Scalar_Other", this, y);

        public Tensor xlogy_(Tensor y) => InPlace("aten::xlogy_.Tensor", this, y);

        public Tensor xlogy_(Scalar y) => InPlace("aten::xlogy_.Scalar_Other", this, y);

        public Tensor eq(Tensor target) => Aten.Call("aten::eq.Tensor", this, target);

        public Tensor eq(Scalar target) => Aten.Call("aten::eq.Scalar", this, target);

        public Tensor eq_(Tensor target) => InPlace("aten::eq_.Tensor", this, target);

        public Tensor eq_(Scalar target) => InPlace("aten::eq_.Scalar", this, target);

        public Tensor ge(Tensor target) => Aten.Call("aten::ge.Tensor", this, target);

        public Tensor ge(Scalar target) => Aten.Call("aten::ge.Scalar", this, target);

        public Tensor ge_(Tensor target) => InPlace("aten::ge_.Tensor", this, target);

        public Tensor ge_(Scalar target) => InPlace("aten::ge_.Scalar", this, target);

        public Tensor gt(Tensor target) => Aten.Call("aten::gt.Tensor", this, target);

        public Tensor gt(Scalar target) => Aten.Call("aten::gt.Scalar", this, target);

        public Tensor gt_(Tensor target) => InPlace("aten::gt_.Tensor", this, target);

        public Tensor gt_(Scalar target) => InPlace("aten::gt_.Scalar", this, target);

        public Tensor le(Tensor target) => Aten.Call("aten::le.Tensor", this, target);

        public Tensor le(Scalar target) => Aten.Call("aten::le.Scalar", this, target);

        public Tensor le_(Tensor target) => InPlace("aten::le_.Tensor", this, target);

        public Tensor le_(Scalar target) => InPlace("aten::le_.Scalar", this, target);

        public Tensor lt(Tensor target) => Aten.Call("aten::lt.Tensor", this, target);

        public Tensor lt(Scalar target) => Aten.Call("aten::lt.Scalar", this, target);

        public Tensor lt_(Tensor target) => InPlace("aten::lt_.Tensor", this, target);

        public Tensor lt_(Scalar target) => InPlace("aten::lt_.Scalar", this, target);

        public Tensor ne(Tensor target) => Aten.Call("aten::ne.Tensor", this, target);

        public Tensor ne(Scalar target) => Aten.Call("aten::ne.Scalar", this, target);

        public Tensor ne_(Tensor target) => InPlace("aten::ne_.Tensor", this, target);

        public Tensor ne_(Scalar target) => InPlace("aten::ne_.Scalar", this, target);

        public Tensor atan2(Tensor other) => Aten.Call("aten::atan2", this, other);

        public Tensor logical_and(Tensor other) => Aten.Call("aten::logical_and", this, other);

        public Tensor logical_or(Tensor other) => Aten.Call("aten::logical_or", this, other);

        public Tensor logical_xor(Tensor other) => Aten.Call("aten::logical_xor", this, other);

        public Tensor maximum(Tensor other) => Aten.Call("aten::maximum", this, other);

        public Tensor minimum(Tensor other) => Aten.Call("aten::minimum", this, other);

        public Tensor hypot(Tensor other) => Aten.Call("aten::hypot", this, other);

        public Tensor logaddexp(Tensor other) => Aten.Call("aten::logaddexp", this, other);

        public Tensor copysign(Tensor other) => Aten.Call("aten::copysign.Tensor", this, other);

        public Tensor heaviside(Tensor other) => Aten.Call("aten::heaviside", this, other);

        public Tensor bitwise_and(Tensor other) => Aten.Call("aten::bitwise_and.Tensor", this, other);

        public Tensor bitwise_or(Tensor other) => Aten.Call("aten::bitwise_or.Tensor", this, other);

        public Tensor bitwise_xor(Tensor other) => Aten.Call("aten::bitwise_xor.Tensor", this, other);

        public Tensor bitwise_left_shift(Tensor other) => Aten.Call("aten::bitwise_left_shift.Tensor", this, other);

        public Tensor bitwise_right_shift(Tensor other) => Aten.Call("aten::bitwise_right_shift.Tensor", this, other);

        public Tensor logical_and_(Tensor other) => InPlace("aten::logical_and_", this, other);

        public Tensor logical_or_(Tensor other) => InPlace("aten::logical_or_", this, other);

        public Tensor logical_xor_(Tensor other) => InPlace("aten::logical_xor_", this, other);

        public Tensor bitwise_and_(Tensor other) => InPlace("aten::bitwise_and_.Tensor", this, other);

        public Tensor bitwise_or_(Tensor other) => InPlace("aten::bitwise_or_.Tensor", this, other);

        public Tensor bitwise_xor_(Tensor other) => InPlace("aten::bitwise_xor_.Tensor", this, other);

        public Tensor addcmul(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.Call("aten::addcmul", this, tensor1, tensor2, value);

        public Tensor addcmul_(Tensor tensor1, Tensor tensor2, Scalar value) => InPlace("aten::addcmul_", this, tensor1, tensor2, value);

        public Tensor addcdiv(Tensor tensor1, Tensor tensor2, Scalar value) => Aten.Call("aten::addcdiv", this, tensor1, tensor2, value);

        public Tensor addcdiv(Tensor tensor1, Tensor tensor2) => Aten.Call("aten::addcdiv", this, tensor1, tensor2);

        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2, Scalar value) => InPlace("aten::addcdiv_", this, tensor1, tensor2, value);

        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2) => InPlace("aten::addcdiv_", this, tensor1, tensor2);

        public Tensor isclose(Tensor other, double rtol = 1e-05, double atol = 1e-08, bool nanEqual = false) =>
            Aten.Call("aten::isclose", this, other, rtol, atol, nanEqual);

        public bool allclose(Tensor target, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) =>
            Aten.CallScalar("aten::allclose", this, target, rtol, atol, equal_nan).Integer != 0;

        public Tensor isin(Tensor test_elements, bool assumeUnique = false, bool invert = false) =>
            Aten.Call("aten::isin.Tensor_Tensor", this, test_elements, assumeUnique, invert);

        /// <summary>Whether both tensors have the same shape and elements.</summary>
        public bool Equals(Tensor target) => Aten.CallScalar("aten::equal", this, target).Integer != 0;

        public override bool Equals(object? obj) => obj is Tensor other && Equals(other);

        public override int GetHashCode() => base.GetHashCode();
    }
}
