using TorchSharp.Modules;
using TorchSharp.PInvoke;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class optim
        {
            /// <summary>Stochastic gradient descent with PyTorch's form of momentum: v = momentum v + (1 - dampening) g, p = p - lr v.</summary>
            public static SGD SGD(
                IEnumerable<Parameter> parameters, double learningRate, double momentum = 0, double dampening = 0, double weight_decay = 0,
                bool nesterov = false, bool maximize = false) =>
                new(parameters, learningRate, momentum, dampening, weight_decay, nesterov, maximize);

            public static SGD SGD(
                IEnumerable<(string name, Parameter parameter)> parameters, double learningRate, double momentum = 0, double dampening = 0,
                double weight_decay = 0, bool nesterov = false, bool maximize = false) =>
                new(parameters.Select(named => named.parameter), learningRate, momentum, dampening, weight_decay, nesterov, maximize);
        }
    }

    namespace Modules
    {
        /// <inheritdoc cref="torch.optim.SGD(IEnumerable{Parameter}, double, double, double, double, bool, bool)"/>
        public class SGD : OptimizerHelper
        {
            public SGD(
                IEnumerable<Parameter> parameters, double lr, double momentum = 0.0, double dampening = 0, double weight_decay = 0,
                bool nesterov = false, bool maximize = false)
            {
                if (lr < 0) throw new ArgumentException($"Invalid learning rate: {lr}");
                if (momentum < 0) throw new ArgumentException($"Invalid momentum value: {momentum}");
                if (weight_decay < 0) throw new ArgumentException($"Invalid weight_decay value: {weight_decay}");
                if (nesterov && (momentum == 0 || dampening != 0)) throw new ArgumentException("Nesterov momentum requires a momentum and zero dampening");
                add_param_group(new ParamGroup
                {
                    Parameters = parameters,
                    Options = new Options
                    {
                        LearningRate = lr, momentum = momentum, dampening = dampening, weight_decay = weight_decay,
                        nesterov = nesterov, maximize = maximize
                    }
                });
            }

            private protected override OptimizerState NewState(Parameter parameter, OptimizerOptions options) => new State(parameter.device);

            private protected override void StepGroup(
                OptimizerOptions options, torch.Tensor[] parameters, torch.Tensor[] grads, OptimizerState[] states)
            {
                var settings = (Options)options;
                if (settings.weight_decay != 0) grads = Aten.CallList("aten::_foreach_add.List", grads, parameters, settings.weight_decay);
                if (settings.momentum != 0) grads = WithMomentum(settings, grads, Array.ConvertAll(states, state => (State)state));
                var rate = settings.LearningRate!.Value;
                Aten.Run("aten::_foreach_add_.List", parameters, grads, settings.maximize == true ? rate : -rate);
            }

            private static torch.Tensor[] WithMomentum(Options settings, torch.Tensor[] grads, State[] states)
            {
                var old = Enumerable.Range(0, states.Length).Where(i => states[i].momentum_buffer is not null).ToArray();
                if (old.Length > 0)
                {
                    var buffers = Array.ConvertAll(old, i => states[i].momentum_buffer!);
                    Aten.Run("aten::_foreach_mul_.Scalar", buffers, settings.momentum);
                    Aten.Run("aten::_foreach_add_.List", buffers, Array.ConvertAll(old, i => grads[i]), 1 - settings.dampening);
                }
                for (var i = 0; i < states.Length; i++) states[i].momentum_buffer ??= grads[i].clone().DetachFromDisposeScope();
                var velocities = Array.ConvertAll(states, state => state.momentum_buffer!);
                return settings.nesterov == true ? Aten.CallList("aten::_foreach_add.List", grads, velocities, settings.momentum) : velocities;
            }

            public class Options : OptimizerOptions
            {
                public double? momentum;
                public double? dampening;
                public double? weight_decay;
                public bool? nesterov;
                public bool? maximize;

                public override void SaveStateDict(BinaryWriter writer)
                {
                    base.SaveStateDict(writer);
                    writer.Write(momentum!.Value);
                    writer.Write(dampening!.Value);
                    writer.Write(weight_decay!.Value);
                    writer.Write(nesterov!.Value);
                    writer.Write(maximize!.Value);
                }

                public override void LoadStateDict(BinaryReader reader)
                {
                    base.LoadStateDict(reader);
                    (momentum, dampening, weight_decay) = (reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble());
                    (nesterov, maximize) = (reader.ReadBoolean(), reader.ReadBoolean());
                }
            }

            /// <summary>The velocity; null before the first step.</summary>
            public sealed class State : OptimizerState
            {
                private readonly torch.Device device;
                public torch.Tensor? momentum_buffer;

                internal State(torch.Device device) => this.device = device;

                public override void SaveStateDict(BinaryWriter writer) => SaveOptional(writer, momentum_buffer);

                public override void LoadStateDict(BinaryReader reader)
                {
                    momentum_buffer?.Dispose();
                    momentum_buffer = LoadOptional(reader, device);
                }

                public override void Dispose() => momentum_buffer?.Dispose();
            }
        }
    }
}
