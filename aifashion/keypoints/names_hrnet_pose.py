"""What the published PyTorch networks for poses call the variables of our HRNetPose.

Names and order are those of github.com/leoxiaobin/deep-high-resolution-net.pytorch,
lib/models/pose_hrnet.py, which the DeepFashion2 networks share.
"""

from aifashion.backbones.hrnet import HRNet
from aifashion.backbones.names_hrnet import hrnet_names
from aifashion.backbones.names_senet import state_dict_names

HEAD = "final_layer"


def hrnet_pose_names(backbone: HRNet) -> dict[str, str]:
    """Our variable paths -> names in the published state dict, in its order.

    Args:
        backbone: the network's.
    """
    head = {("head_maps", ("kernel", "bias")): HEAD}
    return hrnet_names(backbone, finest_alone=True) | state_dict_names(head)
